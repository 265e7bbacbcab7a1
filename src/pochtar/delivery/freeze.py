"""Freeze an audience: who is selected never changes afterwards.

One ``INSERT … SELECT`` numbers the recipients 1..N inside the database, then the
numbers are cut into slices.
"""

from __future__ import annotations

import datetime as dt

from django.db import connection
from django.db.models import QuerySet

from pochtar.delivery.models import Delivery, Run, Slice
from pochtar.delivery.tables import columns_of, database_value, table_of
from pochtar.recipients.models import Recipient

BATCH = 1000
ORDER = "chosen.id"  # of the positions


def freeze_audience(run: Run, recipients: QuerySet[Recipient]) -> int:
    """Write one delivery for each recipient, in order of their ids; return how many.

    The queryset must yield everybody once, all of the run's workspace.
    """
    chosen = recipients.order_by().values_list("id", "email")
    inner, parameters = chosen.query.get_compiler(connection=connection).as_sql()
    columns = columns_of(Delivery, "run", "position", "recipient", "email")
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table_of(Delivery)} ({columns}) "  # noqa: S608
            f"SELECT %s, ROW_NUMBER() OVER (ORDER BY {ORDER}), chosen.id, chosen.email "
            f"FROM ({inner}) AS chosen ORDER BY {ORDER}",
            [database_value(Delivery, "run", run.pk), *parameters],
        )
        selected: int = cursor.rowcount  # a COUNT would read them all once more
    return selected


def cut_slices(run: Run, *, selected: int, size: int, due_at: dt.datetime) -> None:
    """Cut positions 1..selected into slices of ``size``."""
    Slice.objects.bulk_create(
        (
            Slice(
                run=run,
                first_position=first,
                last_position=min(first + size - 1, selected),
                cursor=first - 1,
                due_at=due_at,
            )
            for first in range(1, selected + 1, size)
        ),
        batch_size=BATCH,
    )
