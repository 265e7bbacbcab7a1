# ruff: noqa: S608, ISC004 - names of ours
"""From the beginnings of words to any part of address and name."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

TABLE = "recipients_searchtext"
PARTS = "recipients_searchtext_parts"

SQLITE = (
    f"CREATE VIRTUAL TABLE {PARTS} USING fts5(text, content='{TABLE}', "
    "content_rowid='id', tokenize='trigram case_sensitive 1')",
    f"CREATE TRIGGER {PARTS}_insert AFTER INSERT ON {TABLE} BEGIN "
    f"INSERT INTO {PARTS}(rowid, text) VALUES (new.id, new.text); END",
    f"CREATE TRIGGER {PARTS}_delete AFTER DELETE ON {TABLE} BEGIN "
    f"INSERT INTO {PARTS}({PARTS}, rowid, text) VALUES ('delete', old.id, old.text); "
    "END",
    f"CREATE TRIGGER {PARTS}_update AFTER UPDATE ON {TABLE} BEGIN "
    f"INSERT INTO {PARTS}({PARTS}, rowid, text) VALUES ('delete', old.id, old.text); "
    f"INSERT INTO {PARTS}(rowid, text) VALUES (new.id, new.text); END",
)
POSTGRESQL = f"CREATE INDEX {PARTS} ON {TABLE} USING gin (text gin_trgm_ops);"
FILL = f"""
INSERT INTO {TABLE} (recipient_id, workspace_id, text)
SELECT id, workspace_id, REPLACE(email_key, 'ё', 'е') || ' ' || name_key
FROM recipients_recipient;
"""


def make_index(apps: Any, schema_editor: Any) -> None:
    # The extension is "trusted": whoever owns the database may create it.
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        schema_editor.execute(FILL)
        schema_editor.execute(POSTGRESQL)
        return
    for statement in SQLITE:
        schema_editor.execute(statement)
    schema_editor.execute(FILL)


def drop_index(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(f"DROP TABLE {PARTS}")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_unsubscribing"),
        ("recipients", "0004_address_hash"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchText",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("text", models.TextField()),
                (
                    "recipient",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="search_text",
                        to="recipients.recipient",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.workspace",
                    ),
                ),
            ],
            options={
                "verbose_name": "search text",
                "verbose_name_plural": "search texts",
            },
        ),
        migrations.RunPython(make_index, drop_index),
        migrations.DeleteModel(name="SearchWord"),
    ]
