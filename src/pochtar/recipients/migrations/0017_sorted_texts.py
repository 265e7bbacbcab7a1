# ruff: noqa: S608, ISC004 - names of ours
"""The keys that recipients are sorted by beside the text that they are found by."""

from typing import Any

from django.db import migrations

import pochtar.base.fields

TABLE = "recipients_searchtext"
PARTS = "recipients_searchtext_parts"
COLUMNS = (("email_key", 320), ("name_key", 400))
KEYS = ", ".join(name for name, _length in COLUMNS)
OLD = "recipient_id, workspace_id, text"

# Filled anew, in the order in which an import fills it (indexing.py): changed in their
# places, all rows would be there twice, in the index too.
POSTGRESQL = (
    f"CREATE TEMPORARY TABLE kept ON COMMIT DROP AS SELECT t.id, t.recipient_id, "
    f"t.workspace_id, t.text, r.email_key, r.name_key FROM {TABLE} t "
    "JOIN recipients_recipient r ON r.id = t.recipient_id",
    f"DROP INDEX {PARTS}",
    f"TRUNCATE {TABLE}",
    *(
        f'ALTER TABLE {TABLE} ADD COLUMN {name} varchar({length}) COLLATE "C" NOT NULL'
        for name, length in COLUMNS
    ),
    "SET CONSTRAINTS ALL IMMEDIATE",  # no index can be made while checks are pending
    f"INSERT INTO {TABLE} (id, {OLD}, {KEYS}) "
    f"SELECT id, {OLD}, {KEYS} FROM kept ORDER BY id / 10000, name_key",
    f"CREATE INDEX {PARTS} ON {TABLE} USING gin (text gin_trgm_ops)",
)
# The full-text table is concerned by changes of the text alone.
SQLITE = (
    f"DROP TRIGGER {PARTS}_update",
    f"CREATE TRIGGER {PARTS}_update AFTER UPDATE OF text ON {TABLE} BEGIN "
    f"INSERT INTO {PARTS}({PARTS}, rowid, text) VALUES ('delete', old.id, old.text); "
    f"INSERT INTO {PARTS}(rowid, text) VALUES (new.id, new.text); END",
    *(
        f"ALTER TABLE {TABLE} ADD COLUMN {name} varchar({length}) NOT NULL DEFAULT ''"
        for name, length in COLUMNS
    ),
    f"UPDATE {TABLE} AS t SET email_key = r.email_key, name_key = r.name_key "
    "FROM recipients_recipient r WHERE r.id = t.recipient_id",
)


def add_columns(apps: Any, schema_editor: Any) -> None:
    is_sqlite = schema_editor.connection.vendor == "sqlite"
    for statement in SQLITE if is_sqlite else POSTGRESQL:
        schema_editor.execute(statement)


def drop_columns(apps: Any, schema_editor: Any) -> None:
    for name, _length in COLUMNS:
        schema_editor.execute(f"ALTER TABLE {TABLE} DROP COLUMN {name}")


class Migration(migrations.Migration):
    dependencies = [
        ("recipients", "0016_stop_upload_work"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(add_columns, drop_columns)],
            state_operations=[
                migrations.AddField(
                    model_name="searchtext",
                    name="email_key",
                    field=pochtar.base.fields.KeyField(
                        default="", editable=False, max_length=320
                    ),
                    preserve_default=False,
                ),
                migrations.AddField(
                    model_name="searchtext",
                    name="name_key",
                    field=pochtar.base.fields.KeyField(
                        blank=True, default="", editable=False, max_length=400
                    ),
                    preserve_default=False,
                ),
            ],
        ),
    ]
