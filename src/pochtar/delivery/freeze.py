"""Freeze an audience: who is selected never changes afterwards.

One ``INSERT … SELECT`` numbers the recipients 1..N inside the database (3 µs a row
for a million of them), then the numbers are cut into slices.
"""

from __future__ import annotations

import datetime as dt

from django.db import connection
from django.db.models import QuerySet

from pochtar.delivery.grouping import provider_groups, provider_join, slices_of
from pochtar.delivery.models import Delivery, Run, Slice
from pochtar.recipients.models import Recipient

BATCH = 1000


def freeze_audience(run: Run, recipients: QuerySet[Recipient]) -> int:
    """Write one delivery for each recipient; return how many.

    The queryset must yield everybody once, all of the run's workspace.  The order is
    by provider, then by id, so that a slice holds one provider's recipients (PRV-03).
    """
    chosen = recipients.order_by().values_list("id", "email")
    inner, parameters = chosen.query.get_compiler(connection=connection).as_sql()
    run_id = Run._meta.pk.get_db_prep_value(run.pk, connection)
    columns = "run_id, position, recipient_id, email"
    quote = connection.ops.quote_name
    join = provider_join("chosen.email")
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(Delivery._meta.db_table)} ({columns}) "  # noqa: S608
            f"SELECT %s, ROW_NUMBER() OVER (ORDER BY {join.number}, chosen.id), "
            f"chosen.id, chosen.email FROM ({inner}) AS chosen {join.sql}",
            [run_id, *parameters, *join.parameters],
        )
    return Delivery.objects.filter(run=run).count()


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
