"""What can be done with captured letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import NotAllowed
from pochtar.sandbox.letters import clean_text, read_headline
from pochtar.sandbox.models import CapturedMessage

PRUNE_BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A letter as it came over the wire. ``workspace_id`` None: the system's."""

    workspace_id: UUID | None
    mail_from: str
    rcpt_to: tuple[str, ...]
    raw: bytes
    received_at: datetime


def store_letters(arrivals: Sequence[Arrival]) -> None:
    """Keep all of them or none: one row for each recipient, in one transaction."""
    rows = [
        row(arrival, address) for arrival in arrivals for address in arrival.rcpt_to
    ]
    with transaction.atomic():
        CapturedMessage.objects.bulk_create(rows, batch_size=100)


def row(arrival: Arrival, address: str) -> CapturedMessage:
    headline = read_headline(arrival.raw)
    mail_from, rcpt_to = clean_text(arrival.mail_from), clean_text(address)
    words = (mail_from, rcpt_to, headline.sender, headline.subject)
    return CapturedMessage(
        workspace_id=arrival.workspace_id,
        received_at=arrival.received_at,
        mail_from=mail_from[:320],
        rcpt_to=rcpt_to[:320],
        from_header=headline.sender[:500],
        subject=headline.subject[:1000],
        message_id=headline.message_id[:255],
        search_key=" ".join(words).lower()[:4000],
        size=len(arrival.raw),
        raw=arrival.raw,
    )


@transaction.atomic
def delete_letter(letter: CapturedMessage, *, by: User) -> None:
    """Delete one letter: managers of its workspace; staff for the system's."""
    if letter.workspace is None:
        _require_staff(by)
    else:
        require_role(by, letter.workspace, Role.MANAGER)
        write_audit(letter.workspace, by=by, verb="letter_deleted", subject=letter)
    letter.delete()


@transaction.atomic
def empty_sandbox(workspace: Workspace, *, by: User) -> int:
    """Delete all captured letters of the workspace (managers); return how many."""
    require_role(by, workspace, Role.MANAGER)
    count, _each = CapturedMessage.objects.of(workspace).delete()
    write_audit(
        workspace, by=by, verb="sandbox_emptied", subject=workspace, letters=count
    )
    return int(count)


def empty_system_sandbox(*, by: User) -> int:
    """Delete all captured letters of the system itself (staff); return how many."""
    _require_staff(by)
    count, _each = CapturedMessage.objects.of_system().delete()
    return int(count)


def _require_staff(user: User) -> None:
    if not user.is_staff:
        raise NotAllowed("staff_only", _("Only staff may do this."))


def prune_letters(*, keep: int | None = None) -> int:
    """Delete the oldest letters beyond ``keep`` for each workspace and the system.

    In small transactions: the letters that are coming in must not wait long.
    """
    keep = settings.SANDBOX_KEEP_LETTERS if keep is None else keep
    owners = list(
        CapturedMessage.objects.order_by()
        .values_list("workspace", flat=True)
        .distinct()
    )
    return sum(_prune(owner, keep) for owner in owners)


def _prune(workspace_id: UUID | None, keep: int) -> int:
    letters = CapturedMessage.objects.filter(workspace=workspace_id)
    spare = letters.order_by("-pk").values_list("pk", flat=True)[keep : keep + 1]
    border = next(iter(spare), None)
    deleted = 0
    while border is not None:
        oldest = letters.filter(pk__lte=border).order_by("pk")
        pks = list(oldest.values_list("pk", flat=True)[:PRUNE_BATCH])
        if not pks:
            break
        deleted += CapturedMessage.objects.filter(pk__in=pks).delete()[0]
    return deleted
