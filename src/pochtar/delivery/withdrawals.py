"""Who must not be written to, and who has left since a slice read its recipients.

`standing_sql` and `standing_of` are the one rule: unsubscribed (MSG-25), on the
stop list (BNC-07), or without a basis (LAW-02).

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
from pochtar.delivery.tables import column_of
from pochtar.recipients.models import Recipient

UNSUBSCRIBED, DELETED = "unsubscribed", "recipient_deleted"
SUPPRESSED, NO_CONSENT = "suppressed", "no_consent"
STANDING = ("unsubscribed_at", "suppressed", "basis")  # the columns that tell
# By the number that `standing_sql` gives; the first that holds is told.
_REASONS = ("", UNSUBSCRIBED, SUPPRESSED, NO_CONSENT)


def standing_sql(alias: str) -> str:
    """Return an expression of a recipient's columns: 0, or a number for `why_not`."""
    left, stopped, basis = (
        f"{alias}.{column_of(Recipient, name)}" for name in STANDING
    )
    return (
        f"CASE WHEN {left} IS NOT NULL THEN 1 WHEN {stopped} THEN 2 "
        f"WHEN {basis} = '' THEN 3 ELSE 0 END"
    )


def why_not(recipient_id: object, standing: int) -> str:
    """Return the reason not to write to somebody, or "" (values as the driver gives)."""
    return DELETED if recipient_id is None else _REASONS[standing]


def standing_of(*, unsubscribed_at: object, suppressed: object, basis: object) -> int:
    """Return the same number of values that have been read."""
    if unsubscribed_at is not None:
        return 1
    if suppressed:
        return 2
    return 0 if basis else 3


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
            Q(recipient=None)
            | Q(recipient__unsubscribed_at__isnull=False)
            | Q(recipient__suppressed=True)
            | Q(recipient__basis=""),
            run=self._run,
            position__gt=self._after,
            position__lte=self.read_to,
        )
        people = gone.values_list(
            "position", "recipient_id", *(f"recipient__{name}" for name in STANDING)
        )
        return {
            position: why_not(
                recipient_id,
                standing_of(**dict(zip(STANDING, standing, strict=True))),
            )
            for position, recipient_id, *standing in people
        }
