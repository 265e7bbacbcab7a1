"""Erase a person from everything: each table registers here how (LAW-06)."""

from __future__ import annotations

from pochtar.accounts.erasure import erase_audit
from pochtar.accounts.models import User
from pochtar.base.traces import Eraser
from pochtar.delivery.erasure import addresses_written_to, erase_deliveries
from pochtar.recipients.erasure import erase_recipient
from pochtar.recipients.erasure_imports import erase_imports
from pochtar.recipients.erasure_work import erase_work
from pochtar.recipients.models import Recipient
from pochtar.sandbox.erasure import erase_letters

# A new table that holds something about recipients, and does not go with their row,
# gets a line here; tests/pochtar/mailings/test_erasure.py searches every table.
ERASERS: tuple[Eraser, ...] = (
    erase_deliveries,
    erase_letters,
    erase_audit,
    erase_work,
    erase_imports,
)


def erase_person(recipient: Recipient, *, by: User) -> None:
    """Take the person out of every table; Conflict while a letter is being sent."""
    addresses = addresses_written_to(recipient)
    erase_recipient(recipient, by=by, addresses=addresses, erasers=ERASERS)
