"""Freeze an audience: who is selected never changes afterwards.

One ``INSERT … SELECT`` numbers the recipients 1..N inside the database, then the
numbers are cut into slices.
"""

from __future__ import annotations

import datetime as dt

from django.db import connection
from django.db.models import QuerySet

from pochtar.delivery.grouping import provider_groups, provider_join, slices_of
from pochtar.delivery.models import Delivery, Run, Slice
from pochtar.delivery.tables import columns_of, database_value, table_of
from pochtar.recipients.models import Recipient

BATCH = 1000


def freeze_audience(run: Run, recipients: QuerySet[Recipient]) -> int:
    """Write one delivery for each recipient; return how many.

    The queryset must yield everybody once, all of the run's workspace.  The order is
    by provider, then by id, so that a slice holds one provider's recipients (PRV-03).
    """
    chosen = recipients.order_by().values_list("id", "email")
    inner, parameters = chosen.query.get_compiler(connection=connection).as_sql()
    columns = columns_of(Delivery, "run", "position", "recipient", "email")
    join = provider_join("chosen.email")
    order = f"{join.number}, chosen.id"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table_of(Delivery)} ({columns}) "  # noqa: S608
            f"SELECT %s, ROW_NUMBER() OVER (ORDER BY {order}), chosen.id, chosen.email "
            f"FROM ({inner}) AS chosen {join.sql} ORDER BY {order}",
            [database_value(Delivery, "run", run.pk), *parameters, *join.parameters],
        )
        selected: int = cursor.rowcount  # a COUNT would read them all once more
    return selected


def cut_slices(run: Run, *, selected: int, size: int, due_at: dt.datetime) -> None:
    """Cut positions 1..selected into slices of up to ``size``, at providers' borders."""
    groups = provider_groups(run)
    Slice.objects.bulk_create(
        (
            slice_
            for group in groups
            for slice_ in slices_of(run, group, size=size, due_at=due_at)
        ),
        batch_size=BATCH,
    )
