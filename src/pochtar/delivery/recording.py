"""Write attempts and count them, always together.

A million letters pass through here, so nothing is made for each: a batch of results is
taken apart into columns.  Most columns of most batches hold one value (the host, the
code, the outcome) and travel as such.  On PostgreSQL the others are arrays of one INSERT
that can stand behind another statement of the same round trip (see ``record_behind``);
on SQLite it is one prepared INSERT.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple

import psycopg
from django.db import connection

from mailcore.engine.types import OutcomeClass, Result
from pochtar.delivery.models import Attempt, Outcome, Run, Tally
from pochtar.delivery.tables import (
    Statement,
    array_of,
    column_of,
    columns_of,
    database_value,
    storable,
    storable_all,
    table_of,
    text_array_of,
    type_of,
)

# What an attempt may be made again of: each has a column of the tally.
AGAIN = (Outcome.DEFERRED, Outcome.FAILED, Outcome.UNKNOWN)
COUNTED = (*Outcome.values, *(f"from_{outcome}" for outcome in AGAIN))
SHARED = ("workspace", "run", "number")
# Columns and what of a result goes into them.
NUMBERS = {
    "delivery": attrgetter("delivery_id"),
    "permanent": attrgetter("permanent"),
    "code": attrgetter("code"),
    "duration_ms": attrgetter("duration_ms"),
}
TEXTS = {
    "outcome": attrgetter("outcome"),
    "enhanced_code": attrgetter("enhanced"),
    **{
        name: attrgetter(name)
        for name in ("reply", "stage", "reason", "host", "peer", "tls", "queue_id")
    },
}
NAMES = (*NUMBERS, "at", *TEXTS)


class Column(NamedTuple):
    """A column of a batch: one value, or a list of as many as there are rows."""

    value: Any
    varies: bool


Columns = Mapping[str, Column]


def attempts_without_server(
    delivery_ids: Iterable[int], *, outcome: Outcome, reason: str, at: dt.datetime
) -> list[Result]:
    """Return results for deliveries that no server answered for."""
    return [
        Result(
            delivery_id=delivery_id,
            position=0,
            outcome=OutcomeClass(outcome.value),
            reason=reason,
            at=at,
        )
        for delivery_id in delivery_ids
    ]


def record_attempts(
    run: Run, results: Sequence[Result], *, number: int = 1, source: str = ""
) -> None:
    """Insert the attempts and add them to the run's tallies (inside a transaction).

    ``number``: which try of its deliveries this is; ``source`` is how they stood before
    (Slice.source).
    """
    if not results:
        return
    columns, tally = _columns_of(results), _add_to_tallies(run, results, source)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(*_insert_arrays(run, number, columns))
        else:
            cursor.executemany(*_insert_each(run, number, results, columns))
        cursor.execute(*tally)


def record_behind(
    first: Statement,
    run: Run,
    results: Sequence[Result],
    *,
    number: int = 1,
    source: str = "",
) -> tuple[Any, ...] | None:
    """Record the attempts if ``first`` returns a row, all in one statement; return it.

    For PostgreSQL: without a round trip for each of BEGIN, COPY, the tally and COMMIT
    the same rows cost half as much.  Django's cursor would write every value into the
    statement's text: the driver's own sends them beside it.
    """
    parts, parameters = [first.sql], [*first.parameters]
    if results:
        for write in (
            _insert_arrays(run, number, _columns_of(results), behind="found"),
            _add_to_tallies(run, results, source, behind="found"),
        ):
            parts.append(write.sql)
            parameters += write.parameters
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as cursor,
    ):
        row: tuple[Any, ...] | None = cursor.execute(
            _joined(*parts), parameters
        ).fetchone()
    return row


@lru_cache(maxsize=256)
def _joined(first: str, *writes: str) -> bytes:
    parts = [f"found AS ({first})"]
    parts += [f"written_{index} AS ({sql})" for index, sql in enumerate(writes)]
    return f"WITH {', '.join(parts)} SELECT * FROM found".encode()  # noqa: S608


# Rows ----------------------------------------------------------------------------------
def _columns_of(results: Sequence[Result]) -> Columns:
    """Take the results apart; texts are cut to what their columns hold."""
    columns = {
        name: _column(list(map(take, results))) for name, take in NUMBERS.items()
    }
    columns["at"] = _column([result.at for result in results])
    widths = _widths()
    for name, take in TEXTS.items():
        columns[name] = _text_column(list(map(take, results)), widths[name])
    return columns


def _column(values: list[Any]) -> Column:
    varies = values.count(values[0]) < len(values)
    return Column(values if varies else values[0], varies)


def _text_column(values: list[str], width: int | None) -> Column:
    column = _column(values)
    if not column.varies:
        return Column(storable(str(column.value)[:width]), varies=False)
    if width and max(map(len, values)) > width:
        return Column([value[:width] for value in values], varies=True)
    return column


@cache
def _widths() -> dict[str, int | None]:
    fields = {name: Attempt._meta.get_field(name) for name in TEXTS}
    return {name: getattr(field, "max_length", None) for name, field in fields.items()}


def _insert_arrays(
    run: Run, number: int, columns: Columns, *, behind: str = ""
) -> Statement:
    varying = tuple(name for name in NAMES if columns[name].varies)
    parameters = [run.workspace_id, run.pk, number]
    parameters += [
        _scalar(name, columns[name].value) for name in NAMES if name not in varying
    ]
    parameters += [_array(name, columns[name].value) for name in varying]
    return Statement(_arrays_sql(varying, behind), parameters)


def _scalar(name: str, value: Any) -> Any:
    if name == "at":
        return value.timestamp()
    return value or None if name == "code" else value


def _array(name: str, values: list[Any]) -> str:
    if name in TEXTS:
        return text_array_of(values)
    if name == "at":
        # To the microsecond until 2106, and cheaper than a date's text on both sides.
        return array_of([value.timestamp() for value in values])
    if name == "code":
        return array_of([value or None for value in values])
    return array_of(values)


@lru_cache(maxsize=256)
def _arrays_sql(varying: tuple[str, ...], behind: str) -> str:
    constant = [name for name in NAMES if name not in varying]
    types = {name: type_of(Attempt, name) for name in (*SHARED, *NAMES)}
    types["at"] = "double precision"
    given = [f"%s::{types[name]}" for name in (*SHARED, *constant)]
    values = [*given, *(f"made.{name}" for name in varying)]
    for index, name in enumerate((*SHARED, *constant, *varying)):
        if name == "at":
            values[index] = f"to_timestamp({values[index]})"
    arrays = ", ".join(f"%s::{types[name]}[]" for name in varying)
    made = f"unnest({arrays}) AS made({', '.join(varying)})" if varying else ""
    sources = ", ".join(filter(None, (made, behind)))
    return (
        f"{_insert_sql((*SHARED, *constant, *varying))} "  # noqa: S608
        f"SELECT {', '.join(values)}{' FROM ' if sources else ''}{sources}"
    )


def _insert_each(
    run: Run, number: int, results: Sequence[Result], columns: Columns
) -> Statement:
    shared = (
        database_value(Attempt, "workspace", run.workspace_id),
        database_value(Attempt, "run", run.pk),
        number,
    )
    marks = ", ".join(["%s"] * (len(SHARED) + len(NAMES)))
    return Statement(
        f"{_insert_sql((*SHARED, *NAMES))} VALUES ({marks})",
        list(
            zip(
                *(repeat(value, len(results)) for value in shared),
                *(_every(name, columns[name], len(results)) for name in NAMES),
                strict=True,
            )
        ),
    )


def _every(name: str, column: Column, count: int) -> Iterable[Any]:
    """Return a value for each row, as SQLite takes it."""
    values = column.value if column.varies else [column.value]
    if name == "at":
        values = list(map(connection.ops.adapt_datetimefield_value, values))
    elif name == "code":
        values = [value or None for value in values]
    elif name in TEXTS:
        values = storable_all(list(map(str, values)))
    return values if column.varies else repeat(values[0], count)


def _insert_sql(names: Sequence[str]) -> str:
    return f"INSERT INTO {table_of(Attempt)} ({columns_of(Attempt, *names)})"


# Counts --------------------------------------------------------------------------------
def _add_to_tallies(
    run: Run, results: Sequence[Result], source: str, *, behind: str = ""
) -> Statement:
    """Upsert: the ORM's bulk_create(update_conflicts) can set, but not add."""
    counted = _count(results, source)
    names = tuple(
        name for name in COUNTED if any(name in found for found in counted.values())
    )
    parameters: list[Any] = []
    for minute in sorted(counted):  # one order for everybody: no deadlocks
        parameters += [
            database_value(Tally, "workspace", run.workspace_id),
            database_value(Tally, "run", run.pk),
            database_value(Tally, "minute", minute),
            *(counted[minute].get(name, 0) for name in names),
        ]
    return Statement(_tally_sql(len(counted), names, behind), parameters)


@lru_cache(maxsize=256)
def _tally_sql(minutes: int, names: tuple[str, ...], behind: str) -> str:
    table = table_of(Tally)
    keys = ("workspace", "run", "minute")
    others = tuple(name for name in COUNTED if name not in names)
    typed = connection.vendor == "postgresql"
    values = ", ".join(
        [
            *(
                f"%s::{type_of(Tally, name)}" if typed else "%s"
                for name in (*keys, *names)
            ),
            *("0" for _ in others),
        ]
    )
    # "WHERE true": SQLite would take ON for a part of the join.
    select = f"SELECT {values} {f'FROM {behind} ' if behind else ''}WHERE true"
    counted = [column_of(Tally, name) for name in names]
    sets = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in counted)
    return (
        f"INSERT INTO {table} ({columns_of(Tally, *keys, *names, *others)}) "
        f"{' UNION ALL '.join([select] * minutes)} "
        f"ON CONFLICT ({columns_of(Tally, 'run', 'minute')}) DO UPDATE SET {sets}"
    )


def _count(
    results: Sequence[Result], source: str
) -> dict[dt.datetime, Mapping[str, int]]:
    """Return how many of each minute ended how."""
    counted: dict[dt.datetime, Mapping[str, int]] = {}
    for minute, outcomes in _by_minute(results).items():
        found = {str(outcome): n for outcome, n in _tell_apart(outcomes).items()}
        if source:
            found[f"from_{source}"] = len(outcomes)
        counted[minute] = found
    return counted


def _tell_apart(outcomes: list[str]) -> Mapping[str, int]:
    if (same := outcomes.count(outcomes[0])) == len(outcomes):  # nearly always
        return {outcomes[0]: same}
    return Counter(outcomes)


def _by_minute(results: Sequence[Result]) -> dict[dt.datetime, list[str]]:
    moments = [result.at for result in results]
    first, last = _minute(min(moments)), _minute(max(moments))
    if first == last:  # nearly always
        return {first: [result.outcome for result in results]}
    minutes: dict[dt.datetime, list[str]] = {}
    for result in results:
        minutes.setdefault(_minute(result.at), []).append(result.outcome)
    return minutes


def _minute(at: dt.datetime) -> dt.datetime:
    return at.replace(second=0, microsecond=0)
