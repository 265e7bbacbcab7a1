"""Write attempts and count them, always together.

Attempts are rows (tuples), not objects of the ORM: a million letters pass through here.
On PostgreSQL they are arrays, a column each, of one INSERT that can stand behind
another statement of the same round trip (see ``record_behind``); on SQLite they are one
prepared INSERT.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

import psycopg
from django.db import connection

from mailcore.engine.types import Result
from pochtar.delivery.models import Attempt, Outcome, Run, Tally
from pochtar.delivery.tables import (
    Statement,
    array_of,
    column_of,
    columns_of,
    database_value,
    storable,
    table_of,
    text_array_of,
    type_of,
)

# What an attempt may be made again of: each has a column of the tally.
AGAIN = (Outcome.DEFERRED, Outcome.FAILED, Outcome.UNKNOWN)
COUNTED = (*Outcome.values, *(f"from_{outcome}" for outcome in AGAIN))


class Row(NamedTuple):
    """One attempt; the columns that all rows of a run share are not in it."""

    delivery: int
    number: int
    permanent: bool
    code: int | None
    duration_ms: int
    at: dt.datetime
    outcome: str
    enhanced_code: str
    reply: str
    stage: str
    reason: str
    host: str
    peer: str
    tls: str
    queue_id: str


SHARED = ("workspace", "run")
AT, TEXTS = Row._fields.index("at"), Row._fields.index("outcome")


def row_of(result: Result, *, number: int) -> Row:
    """Return the row of a result; texts are cut to what their columns hold."""
    return Row(
        result.delivery_id,
        number,
        result.permanent,
        result.code or None,
        result.duration_ms,
        result.at,
        result.outcome,
        result.enhanced[:12],
        result.reply,
        result.stage[:12],
        result.reason[:40],
        result.host[:253],
        result.peer[:64],
        result.tls[:16],
        result.queue_id[:64],
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
    texts = (outcome.value, "", "", "", reason[:40], "", "", "", "")
    return [
        Row(delivery_id, number, False, None, 0, at, *texts)
        for delivery_id in delivery_ids
    ]


def record_attempts(run: Run, rows: Sequence[Row], *, source: str = "") -> None:
    """Insert the attempts and add them to the run's tallies (inside a transaction).

    ``source`` is how their deliveries stood before (Slice.source).
    """
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(*_insert_arrays(run, rows))
        else:
            cursor.executemany(*_insert_each(run, rows))
        cursor.execute(*_add_to_tallies(run, rows, source))


def record_behind(
    first: Statement, run: Run, rows: Sequence[Row], *, source: str = ""
) -> tuple[Any, ...] | None:
    """Record the attempts if ``first`` returns a row, all in one statement; return it.

    For PostgreSQL: without a round trip for each of BEGIN, COPY, the tally and COMMIT
    the same rows cost half as much.  Django's cursor would write every value into the
    statement's text: the driver's own sends them beside it.
    """
    parts = [f"found AS ({first.sql})"]
    parameters = [*first.parameters]
    if rows:
        for name, write in (
            ("attempts", _insert_arrays(run, rows, behind="found")),
            ("tallies", _add_to_tallies(run, rows, source, behind="found")),
        ):
            parts.append(f"{name} AS ({write.sql})")
            parameters += write.parameters
    sql = f"WITH {', '.join(parts)} SELECT * FROM found"  # noqa: S608
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as cursor,
    ):
        row: tuple[Any, ...] | None = cursor.execute(
            sql.encode(), parameters
        ).fetchone()
    return row


# Rows ----------------------------------------------------------------------------------
def _insert_arrays(run: Run, rows: Sequence[Row], *, behind: str = "") -> Statement:
    columns = list(zip(*rows, strict=True))
    moments = text_array_of([str(at) for at in columns[AT]])
    return Statement(
        _arrays_sql(behind),
        (
            *(run.workspace_id, run.pk),
            *map(array_of, columns[:AT]),
            moments,
            *map(text_array_of, columns[TEXTS:]),
        ),
    )


@cache
def _arrays_sql(behind: str) -> str:
    arrays = ", ".join(f"%s::{type_of(Attempt, name)}[]" for name in Row._fields)
    shared = ", ".join(f"%s::{type_of(Attempt, name)}" for name in SHARED)
    return (
        f"{_insert_sql()} SELECT {shared}, made.* FROM unnest({arrays}) AS made"  # noqa: S608
        f"{', ' if behind else ''}{behind}"
    )


def _insert_each(run: Run, rows: Sequence[Row]) -> Statement:
    shared = (
        database_value(Attempt, "workspace", run.workspace_id),
        database_value(Attempt, "run", run.pk),
    )
    moment = connection.ops.adapt_datetimefield_value
    marks = ", ".join(["%s"] * (len(SHARED) + len(Row._fields)))
    return Statement(
        f"{_insert_sql()} VALUES ({marks})",
        [
            (
                *(*shared, *row[:AT], moment(row.at)),
                *(storable(str(text)) for text in row[TEXTS:]),
            )
            for row in rows
        ],
    )


def _insert_sql() -> str:
    columns = columns_of(Attempt, *SHARED, *Row._fields)
    return f"INSERT INTO {table_of(Attempt)} ({columns})"


# Counts --------------------------------------------------------------------------------
def _add_to_tallies(
    run: Run, rows: Sequence[Row], source: str, *, behind: str = ""
) -> Statement:
    """Upsert: the ORM's bulk_create(update_conflicts) can set, but not add."""
    counted = _count(rows, source)
    parameters: list[Any] = []
    for minute in sorted(counted):  # one order for everybody: no deadlocks
        parameters += [
            database_value(Tally, "workspace", run.workspace_id),
            database_value(Tally, "run", run.pk),
            database_value(Tally, "minute", minute),
            *(counted[minute][name] for name in COUNTED),
        ]
    return Statement(_tally_sql(len(counted), behind), parameters)


@cache
def _tally_sql(minutes: int, behind: str) -> str:
    table = table_of(Tally)
    names = (*SHARED, "minute", *COUNTED)
    typed = connection.vendor == "postgresql"
    values = ", ".join(
        f"%s::{type_of(Tally, name)}" if typed else "%s" for name in names
    )
    # "WHERE true": SQLite would take ON for a part of the join.
    select = f"SELECT {values} {f'FROM {behind} ' if behind else ''}WHERE true"
    counted = [column_of(Tally, name) for name in COUNTED]
    sets = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in counted)
    return (
        f"INSERT INTO {table} ({columns_of(Tally, *names)}) "
        f"{' UNION ALL '.join([select] * minutes)} "
        f"ON CONFLICT ({columns_of(Tally, 'run', 'minute')}) DO UPDATE SET {sets}"
    )


def _count(rows: Sequence[Row], source: str) -> dict[dt.datetime, Counter[str]]:
    """Return how many of each minute ended how."""
    counted: dict[dt.datetime, Counter[str]] = {}
    for minute, outcomes in _by_minute(rows).items():
        counted[minute] = Counter(outcomes)
        if source:
            counted[minute][f"from_{source}"] = len(outcomes)
    return counted


def _by_minute(rows: Sequence[Row]) -> dict[dt.datetime, list[str]]:
    moments = [row.at for row in rows]
    first, last = _minute(min(moments)), _minute(max(moments))
    if first == last:  # nearly always
        return {first: [row.outcome for row in rows]}
    minutes: dict[dt.datetime, list[str]] = {}
    for row in rows:
        minutes.setdefault(_minute(row.at), []).append(row.outcome)
    return minutes


def _minute(at: dt.datetime) -> dt.datetime:
    return at.replace(second=0, microsecond=0)
