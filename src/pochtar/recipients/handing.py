"""Note that a person's data left the house (LAW-06)."""

from __future__ import annotations

from pochtar.accounts.models import Role, User
from pochtar.accounts.services import require_role, write_audit
from pochtar.recipients.models import Recipient


def note_handed_over(recipient: Recipient, *, by: User) -> None:
    """Write down who took the whole record of a person, and when."""
    require_role(by, recipient.workspace, Role.MANAGER)
    write_audit(
        recipient.workspace, by=by, verb="recipient_exported", subject=recipient
    )
