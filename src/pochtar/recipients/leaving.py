"""Who wants no more letters, and who wants them again.

A recipient's own word comes with a token from a letter, so there is no role to check
(``by`` None); a participant needs that of an editor.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from pochtar.accounts.models import Role, User
from pochtar.accounts.services import note_departure, require_role, write_audit
from pochtar.recipients.models import Recipient, UnsubscribedVia


@transaction.atomic
def unsubscribe_recipient(
    recipient: Recipient,
    *,
    via: UnsubscribedVia,
    by: User | None = None,
    letter: Mapping[str, object] | None = None,
) -> bool:
    """Write to them no more, from now on; False if that was so already.

    ``letter`` says for the audit log which letter it was that they left by.
    What is read ahead by a running mailing is looked at again (MSG-25).
    """
    if by:
        require_role(by, recipient.workspace_id, Role.EDITOR)
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
    note_departure(recipient.workspace_id)  # last: its row is locked until the commit
    return True


@transaction.atomic
def resubscribe_recipient(
    recipient: Recipient,
    *,
    by: User | None = None,
    letter: Mapping[str, object] | None = None,
) -> bool:
    """Write to them again; False if nobody had stopped."""
    if by:
        require_role(by, recipient.workspace_id, Role.EDITOR)
    left = Recipient.objects.filter(pk=recipient.pk, unsubscribed_at__isnull=False)
    if not left.update(unsubscribed_at=None, unsubscribed_via=""):
        return False
    write_audit(
        recipient.workspace,
        by=by,
        verb="recipient_resubscribed",
        subject=recipient,
        **(letter or {}),
    )
    return True
