"""Who wants no more letters, and who wants them again.

A recipient's own word comes with a token from a letter, so there is no role to check
(``by`` None); a participant needs that of an editor.  Each word is a line of the
consent ledger (LAW-01), with what is known of whoever said it.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import note_departure, require_role, write_audit
from pochtar.base.addresshash import hash_address
from pochtar.recipients.consent import NOBODY, Reader, record_address, record_one
from pochtar.recipients.models import (
    ConsentKind,
    ConsentSource,
    Recipient,
    Suppression,
    SuppressionReason,
    UnsubscribedVia,
)
from pochtar.recipients.stop_marks import (
    is_domain_stopped,
    lock_stop_list,
    mark_suppressed,
)


@transaction.atomic
def unsubscribe_recipient(
    recipient: Recipient,
    *,
    via: UnsubscribedVia,
    by: User | None = None,
    letter: Mapping[str, object] | None = None,
    reader: Reader = NOBODY,
) -> bool:
    """Write to them no more, from now on; False if that was so already.

    ``letter`` says for the audit log which letter it was that they left by.
    What is read ahead by a running mailing is looked at again (MSG-25).
    """
    if by:
        require_role(by, recipient.workspace_id, Role.EDITOR)
    # Before the recipient's row, as everybody does who takes both.
    lock_stop_list(recipient.workspace_id)
    still = Recipient.objects.filter(pk=recipient.pk, unsubscribed_at=None)
    if not still.update(unsubscribed_at=timezone.now(), unsubscribed_via=via):
        return False
    write_audit(
        recipient.workspace,
        by=by,
        verb="recipient_unsubscribed",
        subject=recipient,
        via=via,
        **(letter or {}),
    )
    note_departure(recipient.workspace_id)
    record_one(
        recipient,
        kind=ConsentKind.WITHDRAWN,
        source=_source(by),
        reference=_reference(letter, via),
        by=by,
        reader=reader,
    )
    return True


@transaction.atomic
def unsubscribe_address(
    workspace: Workspace,
    email_key: str,
    *,
    via: UnsubscribedVia,
    letter: Mapping[str, object] | None = None,
    reader: Reader = NOBODY,
) -> bool:
    """The same for somebody whose recipient has been deleted: should it come again.

    The stop list keeps the hash alone; False if it stops the address already.
    """
    lock_stop_list(workspace)
    row, added = Suppression.objects.get_or_create(
        workspace=workspace,
        address_hash=hash_address(email_key),
        defaults={"reason": SuppressionReason.UNSUBSCRIBED},
    )
    if not added:
        return False
    write_audit(
        workspace,
        by=None,
        verb="address_stopped",
        subject=row,
        reason=row.reason,
        **(letter or {}),
    )
    note_departure(workspace)
    record_address(
        workspace,
        email_key,
        kind=ConsentKind.WITHDRAWN,
        source=ConsentSource.LETTER,
        reference=_reference(letter, via),
        reader=reader,
    )
    return True


@transaction.atomic
def resubscribe_recipient(
    recipient: Recipient,
    *,
    by: User | None = None,
    letter: Mapping[str, object] | None = None,
    reader: Reader = NOBODY,
    wording: str = "",
) -> bool:
    """Write to them again; False if nobody had stopped.

    The stop list may still be against it: what lasts of an earlier unsubscribing goes
    from it, and nothing else.  ``wording`` is what the button said.
    """
    if by:
        require_role(by, recipient.workspace_id, Role.EDITOR)
    lock_stop_list(recipient.workspace_id)
    left = Recipient.objects.filter(pk=recipient.pk, unsubscribed_at__isnull=False)
    back = left.update(unsubscribed_at=None, unsubscribed_via="")
    lifted = Suppression.objects.filter(
        workspace=recipient.workspace_id,
        address_hash=hash_address(recipient.email_key),
        reason=SuppressionReason.UNSUBSCRIBED,
    ).delete()[0]
    if not (back or lifted):
        return False
    if lifted:
        mark_suppressed(recipient.workspace_id, [recipient.pk])
    write_audit(
        recipient.workspace,
        by=by,
        verb="recipient_resubscribed",
        subject=recipient,
        **(letter or {}),
    )
    record_one(
        recipient,
        kind=ConsentKind.RESUMED,
        basis=recipient.basis,
        source=_source(by),
        reference=_reference(letter, ""),
        wording=wording,
        by=by,
        reader=reader,
    )
    return True


def has_left(recipient: Recipient) -> bool:
    """Say whether no mailing reaches them because of what they, or others, said."""
    return recipient.unsubscribed_at is not None or recipient.suppressed


def may_return(recipient: Recipient) -> bool:
    """Say whether it is theirs to take back: the stop list says nothing more."""
    if not recipient.suppressed:
        return True
    own = Suppression.objects.filter(
        workspace=recipient.workspace_id,
        address_hash=hash_address(recipient.email_key),
    )
    if own.exclude(reason=SuppressionReason.UNSUBSCRIBED).exists():
        return False
    domain = recipient.email_key.rpartition("@")[2]
    return not is_domain_stopped(recipient.workspace_id, domain)


def _source(by: User | None) -> ConsentSource:
    return ConsentSource.PERSON if by else ConsentSource.LETTER


def _reference(letter: Mapping[str, object] | None, via: str) -> str:
    """Say which letter it was, and where its link was followed."""
    letter = letter or {}
    named = [f"{name} {letter[name]}" for name in ("run", "delivery") if name in letter]
    return ", ".join([*named, str(via)] if via else named)
