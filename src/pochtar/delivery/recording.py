"""Write attempts and count them, always together."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection

from mailcore.engine.types import Result
from pochtar.delivery.models import Attempt, Outcome, Run, Tally

BATCH = 500
# What an attempt may be made again of: each has a column of the tally.
AGAIN = (Outcome.DEFERRED, Outcome.FAILED, Outcome.UNKNOWN)
COUNTED = (*Outcome.values, *(f"from_{outcome}" for outcome in AGAIN))


def record_attempts(run: Run, attempts: Sequence[Attempt], *, source: str = "") -> None:
    """Insert the attempts and add them to the run's tallies (inside a transaction).

    ``source`` is how their deliveries stood before (Slice.source).
    """
    if not attempts:
        return
    Attempt.objects.bulk_create(attempts, batch_size=BATCH)
    counts: dict[dt.datetime, Counter[str]] = {}
    for attempt in attempts:
        minute = attempt.at.replace(second=0, microsecond=0)
        counter = counts.setdefault(minute, Counter())
        counter[attempt.outcome] += 1
        if source:
            counter[f"from_{source}"] += 1
    for minute in sorted(counts):  # one order for everybody: no deadlocks
        _add_to_tally(run.workspace_id, run.pk, minute, counts[minute])


def attempt_of(run: Run, result: Result, *, number: int) -> Attempt:
    """Return the row of a result; texts are cut to what their columns hold."""
    return Attempt(
        workspace_id=run.workspace_id,
        run_id=run.pk,
        delivery_id=result.delivery_id,
        number=number,
        outcome=result.outcome.value,
        permanent=result.permanent,
        code=result.code or None,
        enhanced_code=result.enhanced[:12],
        reply=result.reply,
        stage=result.stage[:12],
        reason=result.reason[:40],
        host=result.host[:253],
        peer=result.peer[:64],
        tls=result.tls[:16],
        queue_id=result.queue_id[:64],
        at=result.at,
        duration_ms=result.duration_ms,
    )


def attempts_without_server(
    run: Run,
    delivery_ids: Iterable[int],
    *,
    number: int,
    outcome: Outcome,
    reason: str,
    at: dt.datetime,
) -> list[Attempt]:
    """Return rows for deliveries that no server answered for."""
    return [
        Attempt(
            workspace_id=run.workspace_id,
            run_id=run.pk,
            delivery_id=delivery_id,
            number=number,
            outcome=outcome,
            reason=reason,
            at=at,
        )
        for delivery_id in delivery_ids
    ]


def _add_to_tally(
    workspace_id: UUID, run_id: UUID, minute: dt.datetime, counts: Counter[str]
) -> None:
    """Upsert: the ORM's bulk_create(update_conflicts) can set, but not add."""
    names = COUNTED
    table = connection.ops.quote_name(Tally._meta.db_table)
    uuid_value = Tally._meta.get_field("run").get_db_prep_value
    sets = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in names)
    columns = ", ".join(["workspace_id", "run_id", "minute", *names])
    marks = ", ".join(["%s"] * (3 + len(names)))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) VALUES ({marks}) "  # noqa: S608
            f"ON CONFLICT (run_id, minute) DO UPDATE SET {sets}",
            [
                uuid_value(workspace_id, connection),
                uuid_value(run_id, connection),
                connection.ops.adapt_datetimefield_value(minute),
                *(counts[name] for name in names),
            ],
        )
