"""Let the database itself refuse to change the consent ledger (LAW-01).

Rows may go only when their workspace has gone: what is proved to nobody need not be
kept.  INSERT OR REPLACE of SQLite would delete without a trigger's notice, so that it
is refused as well; TRUNCATE of PostgreSQL is refused always.

A later migration that alters one of these tables on SQLite makes it anew, and has to
make its triggers anew too: tests/pochtar/recipients/test_consent_guard.py says when.
"""

from typing import Any

from django.db import migrations

TABLES = ("recipients_consententry", "recipients_consentsubject")
WORD = "the consent ledger is append-only"
# For a row that is to go: is its workspace still there?
OWNED = {
    "recipients_consententry": (
        "EXISTS (SELECT 1 FROM accounts_workspace WHERE id = OLD.workspace_id)"
    ),
    "recipients_consentsubject": (
        "EXISTS (SELECT 1 FROM recipients_consententry AS entry "
        "JOIN accounts_workspace AS workspace ON workspace.id = entry.workspace_id "
        "WHERE entry.id = OLD.entry_id)"
    ),
}
TAKEN = {
    "recipients_consententry": (
        "EXISTS (SELECT 1 FROM recipients_consententry WHERE id = NEW.id "
        "OR (workspace_id = NEW.workspace_id AND sequence = NEW.sequence))"
    ),
    "recipients_consentsubject": (
        "EXISTS (SELECT 1 FROM recipients_consentsubject WHERE id = NEW.id)"
    ),
}


def guard(apps: Any, schema_editor: Any) -> None:
    for table in TABLES:
        for statement in statements(table, schema_editor.connection.vendor):
            schema_editor.execute(statement)


def unguard(apps: Any, schema_editor: Any) -> None:
    postgresql = schema_editor.connection.vendor == "postgresql"
    for table in TABLES:
        for act in ("update", "delete", "truncate" if postgresql else "replace"):
            on = f" ON {table}" if postgresql else ""
            schema_editor.execute(f"DROP TRIGGER {table}_no_{act}{on}")
    if postgresql:
        schema_editor.execute("DROP FUNCTION recipients_refuse_change()")
        for table in TABLES:
            schema_editor.execute(f"DROP FUNCTION {table}_let_go()")


def statements(table: str, vendor: str) -> list[str]:
    if vendor == "postgresql":
        return _postgresql(table)
    refuse = f"BEGIN SELECT RAISE(ABORT, '{WORD}'); END"
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
        (
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            f"WHEN {OWNED[table]} {refuse}"
        ),
        (
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN {TAKEN[table]} {refuse}"
        ),
    ]


def _postgresql(table: str) -> list[str]:
    refuse = "EXECUTE FUNCTION recipients_refuse_change()"
    # A subquery is not allowed in WHEN: the function for deletions asks.
    return [
        (
            "CREATE OR REPLACE FUNCTION recipients_refuse_change() RETURNS trigger "
            "LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION '{WORD}' USING ERRCODE = 'restrict_violation'; "
            "END $$"
        ),
        (
            f"CREATE OR REPLACE FUNCTION {table}_let_go() RETURNS trigger "
            f"LANGUAGE plpgsql AS $$ BEGIN IF {OWNED[table]} THEN "
            f"RAISE EXCEPTION '{WORD}' USING ERRCODE = 'restrict_violation'; "
            "END IF; RETURN OLD; END $$"
        ),
        (
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} "
            f"FOR EACH ROW {refuse}"
        ),
        (
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {table}_let_go()"
        ),
        (
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            f"FOR EACH STATEMENT {refuse}"
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [("recipients", "0006_consent_head")]

    operations = [migrations.RunPython(guard, unguard)]
