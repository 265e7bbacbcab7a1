"""Freeze an audience: who is selected never changes afterwards.

One ``INSERT … SELECT`` numbers the recipients 1..N inside the database (3 µs a row
for a million of them), then the numbers are cut into slices.
"""

from __future__ import annotations

import datetime as dt

from django.db import connection
from django.db.models import QuerySet

from pochtar.delivery.models import Delivery, Run, Slice, SliceStatus
from pochtar.recipients.models import Recipient

BATCH = 1000


def freeze_audience(
    run: Run, recipients: QuerySet[Recipient], *, sample_first: bool = False
) -> int:
    """Write one delivery for each recipient, in order of their ids; return how many.

    The queryset must yield everybody once, all of the run's workspace.  With
    ``sample_first`` some 3 % of them, drawn by the random end of their ids, come
    before the others.
    """
    chosen = recipients.order_by().values_list("id", "email")
    inner, parameters = chosen.query.get_compiler(connection=connection).as_sql()
    run_id = Run._meta.pk.get_db_prep_value(run.pk, connection)
    columns = "run_id, position, recipient_id, email"
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(Delivery._meta.db_table)} ({columns}) "  # noqa: S608
            f"SELECT %s, ROW_NUMBER() OVER (ORDER BY {_order(sample_first)}), "
            "chosen.id, chosen.email "
            f"FROM ({inner}) AS chosen",
            [run_id, *parameters],
        )
    return Delivery.objects.filter(run=run).count()


def _order(sample_first: bool) -> str:
    """Return the order of the positions; equal ids are always drawn equally."""
    if not sample_first:
        return "chosen.id"
    end = {
        "postgresql": 'RIGHT(chosen.id::text, 4) COLLATE "C"',
        "sqlite": "SUBSTR(chosen.id, -4)",
    }[connection.vendor]
    # Among those drawn the order is random too: the first hundred are from everywhere.
    return f"CASE WHEN {end} < '0800' THEN {end} ELSE 'last' END, chosen.id"


def cut_slices(
    run: Run, *, selected: int, size: int, due_at: dt.datetime, canary: int = 0
) -> None:
    """Cut positions 1..selected into slices of ``size``, held back after the canary."""
    firsts = [*range(1, canary + 1, size), *range(canary + 1, selected + 1, size)]
    Slice.objects.bulk_create(
        (
            Slice(
                run=run,
                first_position=first,
                last_position=min(
                    first + size - 1, canary if first <= canary else selected
                ),
                cursor=first - 1,
                due_at=due_at,
                status=SliceStatus.HELD if 0 < canary < first else SliceStatus.READY,
            )
            for first in firsts
        ),
        batch_size=BATCH,
    )
