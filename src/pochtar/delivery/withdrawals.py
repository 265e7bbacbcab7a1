"""Who has left since a slice read its recipients (MSG-25).

A slice reads ahead, a page at a time, so what it knows about a recipient may be some
hundred letters old.  A workspace counts its departures (``Workspace.departures``).
Each time the slice moves its cursor it learns that number along with the run's status;
only when it has changed are the people in hand looked at again.

Counted *before* the first page is read: a departure that is committed later raises the
number, one that is committed between the two is seen in the page already.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q

from pochtar.accounts.models import Workspace
from pochtar.delivery.models import Delivery, Run

UNSUBSCRIBED, DELETED = "unsubscribed", "recipient_deleted"


def why_not(recipient_id: object, has_left: object) -> str:
    """Return the reason not to write to somebody, or "" (values as the driver gives)."""
    if recipient_id is None:
        return DELETED
    return UNSUBSCRIBED if has_left else ""


class Withdrawals:
    """The departures that one slice has noticed."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._count = 0
        self._after = 0
        self.read_to = 0

    def begin(self, after: int) -> None:
        """Remember how things stand before anybody behind this position is read."""
        mine = Workspace.objects.filter(pk=self._run.workspace_id)
        self._count = mine.values_list("departures", flat=True).get()
        self._after = self.read_to = after

    def look(self, count: int) -> Mapping[int, str]:
        """Return who of those already read has left, if the count says that some have."""
        if count == self._count:
            return {}
        self._count = count
        gone = Delivery.objects.filter(
            Q(recipient=None) | Q(recipient__unsubscribed_at__isnull=False),
            run=self._run,
            position__gt=self._after,
            position__lte=self.read_to,
        )
        columns = ("position", "recipient_id", "recipient__unsubscribed_at")
        return {
            position: why_not(recipient_id, unsubscribed_at)
            for position, recipient_id, unsubscribed_at in gone.values_list(*columns)
        }
