"""Stop writing to one recipient, and take that back, so that their page can tell."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Role, User
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import Conflict
from pochtar.recipients.models import Recipient, Suppression, SuppressionReason
from pochtar.recipients.stop_marks import above
from pochtar.recipients.stoplist import lift, stop_address

# What a participant may say of somebody; the others are found out, or follow.
REASONS = (
    SuppressionReason.MANUAL,
    SuppressionReason.OBJECTED,
    SuppressionReason.BOUNCED,
    SuppressionReason.COMPLAINED,
)


def stops_of(recipient: Recipient) -> QuerySet[Suppression]:
    """Return the lines of the stop list that name the recipient, or their domain."""
    found: QuerySet[Suppression] = Suppression.objects.filter(
        Q(address_hash=recipient.address_hash)
        | Q(domain__in=above(recipient.email_key.rpartition("@")[2])),
        workspace=recipient.workspace_id,
    )
    return found.order_by("-id")


def stop_recipient(
    recipient: Recipient, *, reason: SuppressionReason, evidence: str, by: User
) -> bool:
    """Put the recipient's address on the stop list; False if it is there already."""
    _row, added = stop_address(
        recipient.workspace,
        recipient.email,
        reason=reason,
        evidence=evidence,
        by=by,
    )
    return added


@transaction.atomic
def allow_recipient(recipient: Recipient, *, by: User) -> None:
    """Take the address off the stop list; Conflict if it is not on it.

    A stopped domain still holds: it is lifted on the page of the stop list.
    """
    require_role(by, recipient.workspace, Role.EDITOR)
    stop = stops_of(recipient).filter(address_hash=recipient.address_hash).first()
    if stop is None:
        raise Conflict(
            "suppression_gone", _("This address is not on the stop list any more.")
        )
    lift(stop, by=by)
    write_audit(
        recipient.workspace,
        by=by,
        verb="recipient_allowed",
        subject=recipient,
        reason=stop.reason,
        since=stop.created_at.isoformat(),
    )
