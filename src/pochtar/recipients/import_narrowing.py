"""Tell the rows that do something from those that change nothing.

Of a file that comes every week these are nearly all.  They are told apart for many chunks
at once: each time the databases go through all recipients once.

What is passed over is as if the import had come before whatever others do to these
recipients meanwhile.  The other rows are looked at again when they are written.
"""

# ruff: noqa: S608 - nothing but words of our own is put into the statements
from __future__ import annotations

import contextlib

from django.db import Error

from pochtar.recipients.import_matching import is_new_to
from pochtar.recipients.import_sql import (
    IN_RANGE,
    KNOWN,
    Range,
    ask,
    differs,
    is_postgresql,
    join_by_hashing,
    joined,
    run,
)
from pochtar.recipients.models import Import

AHEAD = 500_000  # rows
# A table of the connection's own: nobody else sees it, nobody waits for it.
OF_CHUNK = "s.id = t.id AND t.id > %(low)s AND t.id <= %(high)s"
ROWS = f"import_touched t{joined('recipients_importrow s', OF_CHUNK)}"


class Touched:
    """The rows of an import that do something, or whose recipient is stopped."""

    def __init__(self, import_: Import) -> None:
        self._import = import_
        self._upto = 0  # number of the last row that has been looked at

    def close(self) -> None:
        with contextlib.suppress(Error):  # a lost connection has lost the table too
            self._clear()

    @staticmethod
    def _clear() -> None:
        run("DROP TABLE IF EXISTS import_touched", {})

    def any_in(self, rows: Range) -> bool:
        """Say whether there are any of them; then `ROWS` names them."""
        if rows.upto > self._upto:
            self._look(rows.after)
        sql = "SELECT 1 FROM import_touched WHERE id > %(low)s AND id <= %(high)s"
        return bool(ask(f"{sql} LIMIT 1", rows.parameters()))

    def _look(self, after: int) -> None:
        self._clear()
        ahead = Range(import_=self._import, after=after, upto=after + AHEAD)
        parameters = ahead.parameters()
        reasons = ["r.id IS NULL", "r.suppressed", f"({differs(self._import)})"]
        if lists := list(self._import.lists.values_list("pk", flat=True)):
            reasons.append(is_new_to(lists, parameters))
        kind = "bigint" if is_postgresql() else "INTEGER"  # SQLite's own row number
        run(f"CREATE TEMPORARY TABLE import_touched (id {kind} PRIMARY KEY)", {})
        with join_by_hashing():
            run(
                "INSERT INTO import_touched SELECT s.id FROM recipients_importrow s"
                f" LEFT JOIN recipients_recipient r ON {KNOWN}"
                f" WHERE {IN_RANGE} AND ({' OR '.join(reasons)}) ORDER BY s.id",
                parameters,
            )
        if is_postgresql():
            run("ANALYZE import_touched", {})
        self._upto = ahead.upto
