"""Delete runs with all that hangs on them: the only way in which deliveries go.

No database checks that an attempt has its delivery (0001-slices-ledger.md), so the order
counts.  Whoever records does it in a transaction that has changed a slice: once the
slices are gone, who comes later finds no lease, and who was earlier is waited for.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from pochtar.delivery.models import Attempt, Delivery, Run, Slice, Tally


@transaction.atomic
def delete_runs(runs: QuerySet[Run]) -> None:
    """Delete these runs from the leaves up: a statement a table, nothing is loaded."""
    # Their rows are taken first: nobody opens one again meanwhile.
    taken = runs.select_for_update(no_key=True).order_by("pk")
    keys = list(taken.values_list("pk", flat=True))
    # Again, because a slice that ends while we wait for it may make a later one.
    while Slice.objects.filter(run__in=keys).delete()[0]:
        pass
    Attempt.objects.filter(run__in=keys).delete()
    Tally.objects.filter(run__in=keys).delete()
    # Django would load every delivery to look for attempts; there are none any more.
    deliveries = Delivery.objects.filter(run__in=keys)
    deliveries._raw_delete(deliveries.db)  # noqa: SLF001 - one statement instead
    Run.objects.filter(pk__in=keys).delete()


def count_orphans() -> int:
    """Return how many attempts have lost their delivery: none, if all is well (doctor)."""
    delivery = Delivery.objects.filter(pk=OuterRef("delivery"))
    return Attempt.objects.filter(~Exists(delivery)).count()
