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
from pochtar.recipients.consent import NOBODY, Reader
from pochtar.recipients.leaving import (
    has_left,
    may_return,
    resubscribe_recipient,
    unsubscribe_address,
    unsubscribe_recipient,
)
from pochtar.recipients.models import Recipient, UnsubscribedVia
from pochtar.recipients.stop_marks import is_stopped


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
        """Whether no mailing reaches them, whoever may add them again."""
        if self.is_test:
            return False
        if self.recipient:
            return has_left(self.recipient)
        # Somebody erased has no address here any more, and is stopped by its hash.
        return not (self.workspace and self.email_key) or is_stopped(
            self.workspace, self.email_key
        )

    @property
    def may_return(self) -> bool:
        return self.recipient is not None and may_return(self.recipient)

    @property
    def email_key(self) -> str:
        try:
            return parse_address(self.email).key
        except AddressError:
            return ""


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


def leave(bearer: Bearer, *, via: UnsubscribedVia, reader: Reader = NOBODY) -> bool:
    """Unsubscribe the bearer; False if there was nothing to do.

    Somebody who has been deleted may be imported again: their address is remembered.
    """
    if bearer.recipient:
        return unsubscribe_recipient(
            bearer.recipient, via=via, letter=_letter(bearer), reader=reader
        )
    if not (bearer.workspace and bearer.email_key):
        return False
    return unsubscribe_address(
        bearer.workspace,
        bearer.email_key,
        via=via,
        letter=_letter(bearer),
        reader=reader,
    )


def come_back(bearer: Bearer, *, wording: str = "", reader: Reader = NOBODY) -> bool:
    """Take the unsubscribing back; False if they have not, or others stop it."""
    if not (bearer.recipient and bearer.may_return):
        return False
    return resubscribe_recipient(
        bearer.recipient, letter=_letter(bearer), wording=wording, reader=reader
    )


def _recipient(named: UnsubscribeToken, delivery: Delivery | None) -> Recipient | None:
    rows = Recipient.objects.select_related("workspace")
    found: Recipient | None = rows.filter(pk=named.recipient_id).first()
    if found or delivery is None:
        return found
    key = Bearer(delivery=delivery).email_key
    return rows.filter(workspace=delivery.run.workspace_id, email_key=key).first()


def _letter(bearer: Bearer) -> dict[str, object]:
    """Say in the audit log which letter it was."""
    if not bearer.delivery:
        return {}
    return {"run": str(bearer.delivery.run_id), "delivery": bearer.delivery.pk}
