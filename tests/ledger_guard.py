"""Open the guard of the consent ledger, which refuses every change, for tests alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections

GUARDED = ("recipients_consententry", "recipients_consentsubject")


def opened(connection: Any) -> tuple[list[str], list[str]]:
    """Return the statements that open the guard, and those that close it again."""
    if connection.vendor == "postgresql":
        return (
            [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in GUARDED],
            [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in GUARDED],
        )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master "
            "WHERE type = 'trigger' AND tbl_name IN (%s, %s)",
            GUARDED,
        )
        triggers = cursor.fetchall()
    return [f"DROP TRIGGER {name}" for name, _sql in triggers], [
        sql for _name, sql in triggers
    ]


@contextmanager
def guard_open() -> Iterator[None]:
    """Let the block change the ledger, as somebody with the database's key could."""
    connection = connections["default"]
    before, after = opened(connection)
    with connection.cursor() as cursor:
        for statement in before:
            cursor.execute(statement)
        try:
            yield
        finally:
            for statement in after:
                cursor.execute(statement)


def let_flushes_pass(patch: pytest.MonkeyPatch) -> None:
    """Empty the tables behind a test with real transactions, guarded or not.

    Triggers that knew of tests would be no guard; so it is the flush that knows of
    them, and in production it is refused.
    """
    kind: Any = type(connections["default"].ops)
    flush = kind.sql_flush

    def sql_flush(self: Any, style: Any, tables: Any, **options: Any) -> list[str]:
        statements: list[str] = flush(self, style, tables, **options)
        if not set(GUARDED) <= set(tables):
            return statements
        before, after = opened(self.connection)
        return [*before, *statements, *after]

    patch.setattr(kind, "sql_flush", sql_flush)
