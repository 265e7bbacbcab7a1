"""Freeze an audience: who is selected never changes afterwards.

One ``INSERT … SELECT`` numbers the recipients 1..N inside the database, then the
numbers are cut into slices.
"""

from __future__ import annotations

import datetime as dt

from django.db import connection
from django.db.models import QuerySet

from pochtar.delivery.grouping import provider_groups, provider_join, slices_of
from pochtar.delivery.models import Delivery, Run, Slice, SliceStatus
from pochtar.delivery.tables import columns_of, database_value, table_of
from pochtar.recipients.models import Recipient

BATCH = 1000
DRAWN_BELOW = "0800"  # of the last four digits of an id: some 3 %


def freeze_audience(
    run: Run, recipients: QuerySet[Recipient], *, sample_first: bool = False
) -> int:
    """Write one delivery for each recipient; return how many.

    The queryset must yield everybody once, all of the run's workspace.  The order is
    by provider, then by id, so that a slice holds one provider's recipients (PRV-03).
    With ``sample_first`` some 3 % of them, drawn by the random end of their ids, come
    before the others.
    """
    chosen = recipients.order_by().values_list("id", "email")
    inner, parameters = chosen.query.get_compiler(connection=connection).as_sql()
    columns = columns_of(Delivery, "run", "position", "recipient", "email")
    join = provider_join("chosen.email")
    order = f"{join.number}, chosen.id"
    if sample_first:
        order = f"{_draw('chosen.id')}, {order}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table_of(Delivery)} ({columns}) "  # noqa: S608
            f"SELECT %s, ROW_NUMBER() OVER (ORDER BY {order}), chosen.id, chosen.email "
            f"FROM ({inner}) AS chosen {join.sql} ORDER BY {order}",
            [
                database_value(Delivery, "run", run.pk),
                *parameters,
                *join.parameters,
            ],
        )
        selected: int = cursor.rowcount  # a COUNT would read them all once more
    return selected


def _end(column: str) -> str:
    return {
        "postgresql": f'RIGHT({column}::text, 4) COLLATE "C"',
        "sqlite": f"SUBSTR({column}, -4)",
    }[connection.vendor]


def _draw(column: str) -> str:
    """Return the order of those drawn; equal ids are always drawn equally."""
    end = _end(column)
    # Among those drawn the order is random too: the first hundred are from everywhere.
    return f"CASE WHEN {end} < '{DRAWN_BELOW}' THEN {end} ELSE 'last' END"


def count_drawn(run: Run) -> int:
    """Return how many positions a sample takes at the beginning."""
    end = _end("recipient_id")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT COUNT(*) FROM {table_of(Delivery)} "  # noqa: S608
            f"WHERE run_id = %s AND {end} < '{DRAWN_BELOW}'",
            [database_value(Delivery, "run", run.pk)],
        )
        (count,) = cursor.fetchone()
    return int(count)


def cut_slices(
    run: Run, *, size: int, due_at: dt.datetime, canary: int = 0, sampled: int = 0
) -> None:
    """Cut the positions into slices of up to ``size``, at providers' borders.

    Those after the canary are held back.
    """
    groups = provider_groups(run, canary=canary, sampled=sampled)
    Slice.objects.bulk_create(
        (
            slice_
            for group in groups
            for slice_ in slices_of(
                run,
                group,
                size=size,
                due_at=due_at,
                status=(
                    SliceStatus.HELD if 0 < canary < group.first else SliceStatus.READY
                ),
            )
        ),
        batch_size=BATCH,
    )
