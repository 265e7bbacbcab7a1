"""Take a person out of the ledger: that a letter went stays, to whom does not (LAW-06)."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from pochtar.base.errors import Conflict
from pochtar.base.traces import Traces
from pochtar.delivery.ledger import SENDING, with_state
from pochtar.delivery.models import Attempt, Delivery, Run, RunStatus
from pochtar.recipients.models import Recipient


def addresses_written_to(recipient: Recipient) -> list[str]:
    """Return the addresses that letters to the recipient went to: some may be older."""
    rows = Delivery.objects.filter(recipient=recipient)
    return list(rows.order_by().values_list("email", flat=True).distinct())


def erase_deliveries(traces: Traces) -> None:
    """Empty the address of the deliveries, and hide it in what servers answered.

    Conflict while a letter to them is in a worker's hands: its answer is yet to come.
    """
    mine = _deliveries(traces)
    if with_state(_open(mine)).filter(state=SENDING).exists():
        raise Conflict(
            "being_sent",
            _("A letter to this person is just being sent. Try again in a minute."),
        )
    keys = list(mine.values_list("pk", flat=True))
    attempts = Attempt.objects.filter(delivery__in=keys).exclude(reply="")
    for attempt in attempts.only("pk", "reply", "run_id"):
        hidden = traces.hide(attempt.reply)
        if hidden != attempt.reply:
            Attempt.objects.filter(pk=attempt.pk).update(reply=hidden)
    runs = Run.objects.filter(pk__in=mine.values("run")).exclude(pause_text="")
    for run in runs.only("pk", "pause_text"):
        Run.objects.filter(pk=run.pk).update(pause_text=traces.hide(run.pause_text))
    Delivery.objects.filter(pk__in=keys).update(email="")


def _deliveries(traces: Traces) -> QuerySet[Delivery]:
    """Return theirs, and those of an entry that was deleted earlier."""
    spelled = Q(email__in=traces.addresses)
    for address in traces.addresses:
        spelled |= Q(email__iexact=address)
    # The frozen addresses have no index: of those without a recipient, each is read.
    deleted = Q(recipient=None, run__workspace=traces.workspace_id) & spelled
    return Delivery.objects.filter(Q(recipient=traces.recipient_id) | deleted)


def _open(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    return deliveries.exclude(run__status=RunStatus.COMPLETED)
