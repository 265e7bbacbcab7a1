"""Who has received a mailing: those whose letter the mail server accepted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from pochtar.delivery.models import Attempt, Outcome, Run
from pochtar.mailings.models import Mailing


class MailingsOfSegments:
    """What segments ask about mailings (recipients.segment_sources)."""

    def received(
        self, workspace: UUID, *, mailing: UUID | None, since: dt.datetime | None
    ) -> Q:
        runs = Run.objects.filter(workspace=workspace, mailing__isnull=False)
        if mailing:
            runs = runs.filter(mailing=mailing)
        accepted = Attempt.objects.filter(
            delivery__recipient=OuterRef("pk"), outcome=Outcome.ACCEPTED
        )
        if since:
            # What ended before that moment has no attempt behind it.
            runs = runs.filter(Q(finished_at=None) | Q(finished_at__gte=since))
            accepted = accepted.filter(at__gte=since)
        # Named one by one: the planner then knows how many deliveries each has.
        ids = list(runs.values_list("pk", flat=True))
        return Q(Exists(accepted.filter(delivery__run__in=ids)))

    def names(self, workspace: UUID, ids: Collection[str]) -> dict[str, str]:
        found = Mailing.objects.filter(workspace=workspace, pk__in=ids)
        return {str(pk): name for pk, name in found.values_list("pk", "name")}


mailings_of_segments = MailingsOfSegments()
