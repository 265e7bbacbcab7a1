"""What the bearer of an unsubscribe token may do: leave, and come back.

The token is the whole proof: no login, no session.  It stays good for ever, also when
the run is gone, or the recipient was deleted and added again: then the address decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailcore.addresses import AddressError, parse_address
from pochtar.accounts.models import Workspace
from pochtar.delivery.marks import UnsubscribeToken, read_unsubscribe_token
from pochtar.delivery.models import Delivery
from pochtar.recipients.leaving import resubscribe_recipient, unsubscribe_recipient
from pochtar.recipients.merging import successor_of
from pochtar.recipients.models import Recipient, UnsubscribedVia


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Who shows a token; a part that is gone is None. A test letter's has no address."""

    workspace: Workspace | None = None
    recipient: Recipient | None = None
    delivery: Delivery | None = None
    is_test: bool = False

    @property
    def email(self) -> str:
        if self.recipient:
            return str(self.recipient.email)
        return self.delivery.email if self.delivery else ""

    @property
    def has_left(self) -> bool:
        """Whether no mailing reaches them: who was deleted is not written to either."""
        if self.is_test:
            return False
        return self.recipient is None or self.recipient.unsubscribed_at is not None


def find_bearer(token: str) -> Bearer:
    """Return whom the token is about. Raises TokenError; a forged one costs no query."""
    named = read_unsubscribe_token(token)
    if named.workspace_id:
        workspace = Workspace.objects.filter(pk=named.workspace_id).first()
        return Bearer(workspace=workspace, is_test=True)
    rows = Delivery.objects.select_related("run__workspace")
    delivery = rows.filter(pk=named.delivery_id).first()
    recipient = _recipient(named, delivery)
    workspace = recipient.workspace if recipient else None
    if workspace is None and delivery:
        workspace = delivery.run.workspace
    return Bearer(workspace=workspace, recipient=recipient, delivery=delivery)


def leave(bearer: Bearer, *, via: UnsubscribedVia) -> bool:
    """Unsubscribe the bearer; False if there was nothing to do."""
    if not bearer.recipient:
        return False
    return unsubscribe_recipient(bearer.recipient, via=via, letter=_letter(bearer))


def come_back(bearer: Bearer) -> bool:
    """Take the unsubscribing back; False if there was nothing to do."""
    if not bearer.recipient:
        return False
    return resubscribe_recipient(bearer.recipient, letter=_letter(bearer))


def _recipient(named: UnsubscribeToken, delivery: Delivery | None) -> Recipient | None:
    rows = Recipient.objects.select_related("workspace")
    found: Recipient | None = rows.filter(pk=named.recipient_id).first()
    if found is None and named.recipient_id:
        found = rows.filter(pk=successor_of(named.recipient_id)).first()
    if found or delivery is None:
        return found
    try:
        key = parse_address(delivery.email).key
    except AddressError:
        return None
    return rows.filter(workspace=delivery.run.workspace_id, email_key=key).first()


def _letter(bearer: Bearer) -> dict[str, object]:
    """Say in the audit log which letter it was."""
    if not bearer.delivery:
        return {}
    return {"run": str(bearer.delivery.run_id), "delivery": bearer.delivery.pk}
