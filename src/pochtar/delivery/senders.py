"""Senders: whom letters come from, and over which SMTP server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext_lazy as _

from mailcore.addresses import AddressError, parse_address
from mailcore.headers import HeaderError, check_value
from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.delivery.models import Relay, Sender
from pochtar.delivery.shares import LARGEST_SHARE, set_shares


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderDraft:
    """What a person enters."""

    from_email: str
    relay: Relay
    from_name: str = ""
    reply_to: str = ""
    share: int = 1
    further: Mapping[Relay, int] = field(default_factory=dict)  # with their shares


def create_sender(workspace: Workspace, draft: SenderDraft, *, by: User) -> Sender:
    """Add a sender. Raises InvalidInput with the field."""
    require_role(by, workspace, Role.MANAGER)
    return _save(Sender(workspace=workspace), draft, by=by, verb="sender_added")


def change_sender(sender: Sender, draft: SenderDraft, *, by: User) -> Sender:
    """Change a sender; launched mailings keep their frozen copy."""
    require_role(by, sender.workspace_id, Role.MANAGER)
    return _save(sender, draft, by=by, verb="sender_changed")


def delete_sender(sender: Sender, *, by: User) -> None:
    """Delete a sender that no mailing uses."""
    require_role(by, sender.workspace_id, Role.MANAGER)
    try:
        with transaction.atomic():
            write_audit(
                sender.workspace,
                by=by,
                verb="sender_deleted",
                subject=sender,
                name=str(sender),
            )
            sender.delete()
    except ProtectedError as error:
        raise Conflict(
            "sender_has_mailings",
            _("Mailings use this sender. Give them another one, or delete them first."),
        ) from error


@transaction.atomic
def _save(sender: Sender, draft: SenderDraft, *, by: User, verb: str) -> Sender:
    if draft.relay.workspace_id != sender.workspace_id:
        raise InvalidInput("sender_relay", _("Choose an SMTP server."), field="relay")
    sender.relay = draft.relay
    sender.from_name = _clean_name(draft.from_name)
    sender.from_email = _clean_address(draft.from_email, field="from_email")
    sender.reply_to = (
        _clean_address(draft.reply_to, field="reply_to")
        if draft.reply_to.strip()
        else ""
    )
    sender.share = _clean_share(draft.share)
    sender.save()
    set_shares(sender, draft.further)
    write_audit(sender.workspace, by=by, verb=verb, subject=sender, name=str(sender))
    return sender


def _clean_share(share: int) -> int:
    if not 0 <= share <= LARGEST_SHARE:
        raise InvalidInput(
            "sender_share", _("A share is a number from 0 to 100."), field="share"
        )
    return share


def _clean_name(name: str) -> str:
    name = name.strip()
    try:
        check_value("From", name)
    except HeaderError as error:
        raise InvalidInput(
            "sender_name",
            _("The name holds characters that cannot stand in a letter's header."),
            field="from_name",
        ) from error
    if len(name) > 120:
        raise InvalidInput(
            "sender_name_long",
            _("The name is longer than 120 characters."),
            field="from_name",
        )
    return name


def _clean_address(text: str, *, field: str) -> str:
    try:
        address = parse_address(text)
    except AddressError as error:
        raise InvalidInput(
            "sender_address", _("Enter an e-mail address."), field=field
        ) from error
    if address.smtputf8:
        # Bounces and replies must come back from everywhere (MSG-12).
        raise InvalidInput(
            "sender_address_ascii",
            _("The part before @ must be in Latin letters for a sender."),
            field=field,
        )
    return address.display
