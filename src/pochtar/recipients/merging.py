"""Make one recipient out of two that are the same person.

Everything of the one that goes follows to the one that stays: places in lists, and what
lies in tables above by functions that the caller brings.  The ledger of consent is
append-only and goes by addresses: the audit line keeps the other's key and hash, and
`earlier_selves` finds what is written under them.  The stricter wish of the two holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import AuditEntry, Role, User
from pochtar.accounts.services import note_departure, require_role, write_audit
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.recipients.consent import record_one
from pochtar.recipients.models import (
    ConsentKind,
    ConsentSource,
    Recipient,
    Subscription,
    Suppression,
    SuppressionReason,
)
from pochtar.recipients.services import Person, overwrite
from pochtar.recipients.stop_marks import lock_stop_list, mark_suppressed
from pochtar.recipients.stoplist import remember_departed, stop_address
from pochtar.recipients.stopping import stops_of

MERGED, MERGED_INTO = "recipient_merged", "recipient_merged_into"
MOST_STEPS = 20  # from one that went to the one that stays by now

Follower = Callable[[Recipient, Recipient], None]  # who stays, who goes


@dataclass(frozen=True, slots=True, kw_only=True)
class Selves:
    """Under which keys and hashes a recipient was known, the present ones first."""

    ids: tuple[str, ...]
    hashes: tuple[UUID, ...]


@transaction.atomic
def merge_recipients(
    stays: Recipient,
    goes: Recipient,
    person: Person,
    *,
    by: User,
    followers: Sequence[Follower] = (),
) -> Recipient:
    """Write ``person`` into the one that stays, move the rest there, delete the other.

    InvalidInput for a field as in `change_recipient`, and code ``same_recipient``.
    """
    workspace = stays.workspace
    require_role(by, workspace, Role.EDITOR)
    lock_stop_list(workspace)
    stays, goes = _lock(stays, goes)
    before = (goes.email, goes.address_hash, stays.address_hash)
    stopped = _stop_of(stays) or _stop_of(goes)
    ground = stays.basis or goes.basis
    gained = ground if not stays.basis else ""
    _share_places(stays, goes)
    _share_wish(stays, goes)
    remember_departed(workspace, [stays.pk, goes.pk])
    for follow in followers:
        follow(stays, goes)
    gone = goes.pk
    _write_lines(stays, goes, before, by=by)
    goes.delete()
    overwrite(stays, person, basis=ground)
    _keep_stopped(stays, stopped, by=by)
    mark_suppressed(workspace, [stays.pk])
    if gained:
        record_one(
            stays,
            kind=ConsentKind.GIVEN,
            basis=gained,
            source=ConsentSource.PERSON,
            reference=f"merge {gone}",
            by=by,
        )
    note_departure(workspace)
    return stays


def _lock(stays: Recipient, goes: Recipient) -> tuple[Recipient, Recipient]:
    if stays.pk == goes.pk or stays.workspace_id != goes.workspace_id:
        raise InvalidInput(
            "same_recipient", _("Choose another recipient to merge with.")
        )
    rows = Recipient.objects.select_for_update().filter(pk__in=[stays.pk, goes.pk])
    found = {row.pk: row for row in rows.order_by("pk")}
    if len(found) < 2:
        raise Conflict("recipient_gone", _("This recipient has been deleted."))
    for row in found.values():
        row.workspace = stays.workspace
    return found[stays.pk], found[goes.pk]


def _share_places(stays: Recipient, goes: Recipient) -> None:
    """Unite the lists; where both are in, the longer standing counts."""
    mine = {row.list_id: row for row in Subscription.objects.filter(recipient=stays)}
    for theirs in Subscription.objects.filter(recipient=goes):
        both = mine.get(theirs.list_id)
        if both is None:
            Subscription.objects.filter(pk=theirs.pk).update(recipient=stays)
        elif theirs.created_at < both.created_at:
            same = Subscription.objects.filter(pk=both.pk)
            same.update(created_at=theirs.created_at)


def _share_wish(stays: Recipient, goes: Recipient) -> None:
    if stays.unsubscribed_at or not goes.unsubscribed_at:
        return
    stays.unsubscribed_at = goes.unsubscribed_at
    stays.unsubscribed_via = goes.unsubscribed_via
    stays.save(update_fields=["unsubscribed_at", "unsubscribed_via"])


def _stop_of(recipient: Recipient) -> Suppression | None:
    return stops_of(recipient).exclude(address_hash=None).first()


def _keep_stopped(stays: Recipient, stop: Suppression | None, *, by: User) -> None:
    """Stop the address that is left if either of the two was stopped."""
    if stop is None:
        return
    stop_address(
        stays.workspace,
        stays.email,
        reason=SuppressionReason(stop.reason),
        evidence=stop.evidence,
        by=by,
    )


def _write_lines(
    stays: Recipient, goes: Recipient, before: tuple[str, UUID, UUID], *, by: User
) -> None:
    email, hash_, own_hash = before
    write_audit(
        stays.workspace,
        by=by,
        verb=MERGED,
        subject=stays,
        email=email,  # erasing needs it, and takes it away (LAW-06)
        other=str(goes.pk),
        hashes=[hash_.hex, own_hash.hex],
    )
    write_audit(
        stays.workspace, by=by, verb=MERGED_INTO, subject=goes, into=str(stays.pk)
    )


# What is known under other names -------------------------------------------------------
def _lines(recipient_id: UUID | str, verb: str) -> list[dict[str, object]]:
    rows = AuditEntry.objects.filter(
        subject_id=str(recipient_id), subject="recipient", verb=verb
    )
    return list(rows.order_by("id").values_list("details", flat=True))


def earlier_selves(recipient: Recipient) -> Selves:
    """Return the keys and address hashes of all that were merged into the recipient."""
    ids, hashes, waiting = [str(recipient.pk)], [recipient.address_hash], [recipient.pk]
    while waiting and len(ids) <= MOST_STEPS:
        pk = waiting.pop()
        changes = _lines(pk, "recipient_changed")
        hashes += [UUID(str(line["was"])) for line in changes if "was" in line]
        for line in _lines(pk, MERGED):
            hashes += [UUID(str(one)) for one in _list(line.get("hashes"))]
            if (other := str(line.get("other", ""))) and other not in ids:
                ids.append(other)
                waiting.append(UUID(other))
    return Selves(ids=tuple(ids), hashes=tuple(dict.fromkeys(hashes)))


def earlier_addresses(recipient: Recipient) -> list[str]:
    """Return the addresses of those who were merged into the recipient."""
    return [
        str(line["email"])
        for pk in earlier_selves(recipient).ids
        for line in _lines(pk, MERGED)
        if line.get("email")
    ]


def successor_of(recipient_id: UUID) -> UUID | None:
    """Return whom a recipient that is gone was merged into, None if they were not."""
    found = None
    for _step in range(MOST_STEPS):
        lines = _lines(found or recipient_id, MERGED_INTO)
        if not lines:
            break
        found = UUID(str(lines[-1]["into"]))
    return found


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
