"""What the databases do for an import: set-based statements over a range of its rows.

``s`` is a row of the file (ImportRow), ``r`` the recipient with its address.  Names in
``%(…)s`` are filled by `Range.parameters`.  The two databases differ in how JSON is
merged and compared, and in locks: SQLite has one writer at a time and needs none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Field

from pochtar.base.errors import Conflict
from pochtar.recipients.models import (
    LOT,
    Import,
    Recipient,
    SearchText,
    Subscription,
)

IN_RANGE = "s.id > %(low)s AND s.id <= %(high)s AND s.twin_of = 0"
KNOWN = "r.workspace_id = %(workspace)s AND r.email_key = s.email_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Rows of one import: those behind ``after``, up to ``upto``, by their numbers."""

    import_: Import
    after: int = 0
    upto: int = LOT - 1

    @property
    def low(self) -> int:
        return first_id(self.import_) + self.after

    @property
    def high(self) -> int:
        return first_id(self.import_) + self.upto

    def parameters(self, **more: Any) -> dict[str, Any]:
        return {
            "workspace": stored("workspace", self.import_.workspace_id),
            "low": self.low,
            "high": self.high,
            "basis": self.import_.basis,
            "stamp": stored("updated_at", self.import_.stamp),
            **more,
        }


def first_id(import_: Import) -> int:
    if import_.lot is None:
        raise Conflict("import_moved_on", "")
    return import_.lot * LOT


def stored(name: str, value: object) -> Any:
    """Return the value as the driver wants it for that column of a recipient."""
    return field_of(name).get_db_prep_value(value, connection)


def field_of(name: str) -> Field[Any, Any]:
    field = Recipient._meta.get_field(name)
    assert isinstance(field, Field)
    return field


def is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def merged() -> str:
    """What the attributes become: those of the file over those that are there."""
    if is_postgresql():
        return "r.attributes || s.attributes"
    return "json_patch(r.attributes, s.attributes)"


def differs(import_: Import) -> str:
    """Whether the row changes its recipient; an empty cell changes nothing."""
    attributes = (
        "NOT r.attributes @> s.attributes"
        if is_postgresql()
        else "s.attributes <> '{}' AND json_patch(r.attributes, s.attributes)"
        " <> json_patch(r.attributes, '{}')"
    )
    conditions = []
    if import_.update_existing:
        conditions = [
            "s.full_name <> '' AND s.full_name <> r.full_name",
            "s.comment <> '' AND s.comment <> r.comment",
            attributes,
        ]
    if import_.basis:
        conditions.append("r.basis = ''")
    return " OR ".join(f"({one})" for one in conditions) or "false"


def recipients_joined(on: str = KNOWN) -> str:
    """Return the join of the rows, in front of it, with their recipients."""
    return joined("recipients_recipient r", on)


def joined(table: str, on: str) -> str:
    """Return the join of few rows, in front of it, with a large table.

    SQLite must be told to go from the few to the many.  Where they are to come in the
    order of the recipients, it would go through all of these, and for each one through
    the rows.
    """
    return f" {'JOIN' if is_postgresql() else 'CROSS JOIN'} {table} ON {on}"


def lock(words: str) -> str:
    return words if is_postgresql() else ""


def run(sql: str, parameters: Mapping[str, Any]) -> int:
    """Execute, and return how many rows it concerned."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def ask(sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


@contextlib.contextmanager
def join_by_hashing() -> Iterator[None]:
    """Keep PostgreSQL from comparing each with each.

    It believes that cheap where its statistics know of hardly any recipient yet, as soon
    after an import.  On SQLite no transaction is opened: it would keep all who want to
    write waiting for seconds.
    """
    if not is_postgresql():
        yield
        return
    with transaction.atomic():
        run("SET LOCAL enable_nestloop = off", {})
        yield


def refresh_statistics() -> None:
    """Tell the database how many recipients there are now, and of what.

    SQLite does not notice by itself, PostgreSQL a minute later.  Both look at some rows.
    """
    if not is_postgresql():
        run("PRAGMA analysis_limit = 400", {})
    for model in (Recipient, Subscription, SearchText):
        run(f"ANALYZE {model._meta.db_table}", {})
