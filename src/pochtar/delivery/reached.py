"""Who has got a run's letter: the one definition.

Accepted by the mail server, or may be (the answer never came); and while the run goes
on also those whose turn is still to come.  Whom it failed with, or skipped, got nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from pochtar.delivery.models import Attempt, Delivery, Outcome, Run

GOT = (Outcome.ACCEPTED, Outcome.UNKNOWN)
GOT_NOTHING = (Outcome.FAILED, Outcome.SKIPPED)


def reached(runs: Collection[UUID], *, since: dt.datetime | None = None) -> Q:
    """Return the condition on recipients that one of the runs has reached them.

    ``since``: only by attempts of that moment or later.  Joined the way that lets a
    database hash the few runs' rows instead of looking for each recipient's.
    """
    attempts = Attempt.objects.filter(
        run__in=runs, outcome__in=GOT, delivery__recipient=OuterRef("pk")
    )
    if since:
        attempts = attempts.filter(at__gte=since)
    condition = Q(Exists(attempts))
    going = list(
        Run.objects.filter(pk__in=runs, finished_at=None).values_list("pk", flat=True)
    )
    if going:
        ended = Attempt.objects.filter(delivery=OuterRef("pk"), outcome__in=GOT_NOTHING)
        ahead = Delivery.objects.filter(run__in=going, recipient=OuterRef("pk"))
        condition |= Q(Exists(ahead.filter(~Exists(ended))))
    return condition


def runs_since(workspace_id: UUID, since: dt.datetime) -> list[UUID]:
    """Return the workspace's runs that may have written to somebody since then."""
    runs = Run.objects.filter(
        Q(finished_at=None) | Q(finished_at__gte=since), workspace=workspace_id
    )
    return list(runs.values_list("pk", flat=True))
