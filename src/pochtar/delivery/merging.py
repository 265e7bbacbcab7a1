"""Let the letters of a recipient follow when two are made one."""

from __future__ import annotations

from pochtar.delivery.models import Delivery
from pochtar.recipients.models import Recipient


def move_deliveries(stays: Recipient, goes: Recipient) -> None:
    """Point the deliveries of the one that goes to the one that stays.

    Where one run chose both, there is one letter too many: if it has not left it never
    will (its recipient is gone), and what was sent stays in the run under its address.
    """
    runs = Delivery.objects.filter(recipient=stays).values("run")
    moved = Delivery.objects.filter(recipient=goes).exclude(run__in=runs)
    moved.update(recipient=stays)
