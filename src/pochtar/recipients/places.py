"""Take one recipient out of a list, in a way that their time line can tell."""

from __future__ import annotations

from django.db import transaction

from pochtar.accounts.models import Role, User
from pochtar.accounts.services import require_role, write_audit
from pochtar.recipients.models import Recipient, RecipientList, Subscription


@transaction.atomic
def leave_list(recipient: Recipient, out_of: RecipientList, *, by: User) -> bool:
    """Take the recipient out of the list; False if they were not in it."""
    require_role(by, recipient.workspace, Role.EDITOR)
    mine = Subscription.objects.filter(list=out_of, recipient=recipient)
    if not mine.delete()[0]:
        return False
    write_audit(
        recipient.workspace,
        by=by,
        verb="recipient_left_list",
        subject=recipient,
        list=out_of.name,
    )
    return True
