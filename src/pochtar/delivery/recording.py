"""Write attempts and count them, always together.

Attempts are rows (tuples), not objects of the ORM: a million letters pass through here.
On PostgreSQL they travel as one text COPY, the cheapest way in; on SQLite as one
prepared INSERT.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from mailcore.engine.types import Result
from pochtar.delivery.models import Attempt, Outcome, Run, Tally
from pochtar.delivery.tables import column_of, columns_of, database_value, table_of

# What an attempt may be made again of: each has a column of the tally.
AGAIN = (Outcome.DEFERRED, Outcome.FAILED, Outcome.UNKNOWN)
COUNTED = (*Outcome.values, *(f"from_{outcome}" for outcome in AGAIN))

# Neither is text to a database: PostgreSQL refuses NUL, and UTF-8 lone surrogates.
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
# What has a meaning of its own in a text COPY.
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_NULL = "\\N"
_SPECIAL = re.compile(r"[\\\t\n\r]")


class Row(NamedTuple):
    """One attempt; the columns that all rows of a run share are not in it."""

    delivery: int
    number: int
    outcome: str
    permanent: bool
    code: int | None
    enhanced_code: str
    reply: str
    stage: str
    reason: str
    host: str
    peer: str
    tls: str
    queue_id: str
    at: dt.datetime
    duration_ms: int


def row_of(result: Result, *, number: int) -> Row:
    """Return the row of a result; texts are cut to what their columns hold."""
    return Row(
        result.delivery_id,
        number,
        result.outcome,
        result.permanent,
        result.code or None,
        result.enhanced[:12],
        result.reply,
        result.stage[:12],
        result.reason[:40],
        result.host[:253],
        result.peer[:64],
        result.tls[:16],
        result.queue_id[:64],
        result.at,
        result.duration_ms,
    )


def attempts_without_server(
    delivery_ids: Iterable[int],
    *,
    number: int,
    outcome: Outcome,
    reason: str,
    at: dt.datetime,
) -> list[Row]:
    """Return rows for deliveries that no server answered for."""
    texts = ("", "", "", reason[:40], "", "", "", "")
    return [
        Row(delivery_id, number, outcome, False, None, *texts, at, 0)
        for delivery_id in delivery_ids
    ]


def record_attempts(run: Run, rows: Sequence[Row], *, source: str = "") -> None:
    """Insert the attempts and add them to the run's tallies (inside a transaction).

    ``source`` is how their deliveries stood before (Slice.source).
    """
    if not rows:
        return
    if connection.vendor == "postgresql":
        _copy(run, rows)
    else:
        _insert(run, rows)
    counts: dict[dt.datetime, Counter[str]] = {}
    for minute, outcomes in _by_minute(rows).items():
        counts[minute] = Counter(outcomes)
        if source:
            counts[minute][f"from_{source}"] = len(outcomes)
    for minute in sorted(counts):  # one order for everybody: no deadlocks
        _add_to_tally(run.workspace_id, run.pk, minute, counts[minute])


def _by_minute(rows: Sequence[Row]) -> dict[dt.datetime, list[str]]:
    """Return the outcomes of each minute."""
    minutes: dict[dt.datetime, list[str]] = {}
    moments = [row.at for row in rows]
    first, last = (_minute(at) for at in (min(moments), max(moments)))
    if first == last:  # nearly always
        return {first: [row.outcome for row in rows]}
    for row in rows:
        minutes.setdefault(_minute(row.at), []).append(row.outcome)
    return minutes


def _minute(at: dt.datetime) -> dt.datetime:
    return at.replace(second=0, microsecond=0)


# Rows --------------------------------------------------------------------------------
_NAMES = ("workspace", "run", *Row._fields)
_TEXTS, _MOMENT = Row._fields.index("enhanced_code"), Row._fields.index("at")


def _copy(run: Run, rows: Sequence[Row]) -> None:
    head = f"{run.workspace_id}\t{run.pk}\t"
    text = "".join([copy_line(head, row) for row in rows])
    columns = columns_of(Attempt, *_NAMES)
    statement = f"COPY {table_of(Attempt)} ({columns}) FROM STDIN"
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(statement) as copy,
    ):
        copy.write(text.encode())


def copy_line(head: str, row: Row) -> str:
    """Return the row as a line of a text COPY, behind columns that are ready."""
    # fmt: off
    (delivery, number, outcome, permanent, code, enhanced, reply, stage, reason,
     host, peer, tls, queue_id, at, duration_ms) = row
    # fmt: on
    texts = enhanced, reply, stage, reason, host, peer, tls, queue_id
    if _SPECIAL.search(together := "".join(texts)) or _NO_TEXT.search(together):
        texts = tuple(_escape(text) for text in texts)  # type: ignore[assignment]
    truth, code_text = "t" if permanent else "f", code or _NULL
    words = "\t".join(texts)
    return (
        f"{head}{delivery}\t{number}\t{outcome}\t{truth}\t{code_text}\t"
        f"{words}\t{at}\t{duration_ms}\n"
    )


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], storable(text))


def storable(text: str) -> str:
    """Return the text with a replacement character for what no database can hold."""
    return _NO_TEXT.sub("\ufffd", text)


def _insert(run: Run, rows: Sequence[Row]) -> None:
    workspace = database_value(Attempt, "workspace", run.workspace_id)
    run_id = database_value(Attempt, "run", run.pk)
    moment = connection.ops.adapt_datetimefield_value
    marks = ", ".join(["%s"] * len(_NAMES))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table_of(Attempt)} ({columns_of(Attempt, *_NAMES)}) "  # noqa: S608
            f"VALUES ({marks})",
            [
                (
                    *(workspace, run_id, *row[:_TEXTS]),
                    *(storable(str(text)) for text in row[_TEXTS:_MOMENT]),
                    *(moment(row.at), row.duration_ms),
                )
                for row in rows
            ],
        )


# Counts ------------------------------------------------------------------------------
def _add_to_tally(
    workspace_id: UUID, run_id: UUID, minute: dt.datetime, counts: Counter[str]
) -> None:
    """Upsert: the ORM's bulk_create(update_conflicts) can set, but not add."""
    table = table_of(Tally)
    counted = [column_of(Tally, name) for name in COUNTED]
    sets = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in counted)
    keys = ("workspace", "run", "minute")
    marks = ", ".join(["%s"] * (len(keys) + len(counted)))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns_of(Tally, *keys, *COUNTED)}) "  # noqa: S608
            f"VALUES ({marks}) "
            f"ON CONFLICT ({columns_of(Tally, 'run', 'minute')}) DO UPDATE SET {sets}",
            [
                database_value(Tally, "workspace", workspace_id),
                database_value(Tally, "run", run_id),
                database_value(Tally, "minute", minute),
                *(counts[name] for name in COUNTED),
            ],
        )
