"""Bulk actions on whether somebody may be written to: basis, stop list, deletion.

Locks are taken in the order workspace, recipients, end of the consent chain.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

from django.utils import timezone

from pochtar.accounts.services import note_departure
from pochtar.recipients.consent import record_many
from pochtar.recipients.departing import delete_people
from pochtar.recipients.job_changes import Items, Returned, changed, people_of, write
from pochtar.recipients.job_models import BulkItem, BulkJob
from pochtar.recipients.models import (
    ConsentKind,
    ConsentSource,
    Recipient,
    Suppression,
    SuppressionReason,
)
from pochtar.recipients.stop_marks import lock_stop_list, mark_suppressed
from pochtar.recipients.stoplist import remember_departed


# A basis -------------------------------------------------------------------------------
def state_basis(job: BulkJob, items: Items) -> int:
    """State the basis for those who have another or none; the ledger keeps the line."""
    basis = job.wish["basis"]
    people = people_of(job, items).exclude(basis=basis)
    rows = list(people.values_list("pk", "email_key", "basis"))
    _note_before(items, {pk: {"was": was} for pk, _key, was in rows})
    _set_basis([pk for pk, _key, _was in rows], basis)
    _record(job, [key for _pk, key, _was in rows], basis, job.wish["wording"])
    return len(rows)


def undo_basis(job: BulkJob, items: Items) -> Returned:
    """Give the old basis back, with a line of its own: the ledger forgets nothing."""
    before: dict[UUID, Any] = dict(changed(items).values_list("recipient_id", "before"))
    people = people_of(job, changed(items)).filter(basis=job.wish["basis"])
    by_basis: dict[str, list[tuple[UUID, str]]] = defaultdict(list)
    for pk, key in people.values_list("pk", "email_key"):
        by_basis[before[pk]["was"]].append((pk, key))
    for basis, rows in by_basis.items():
        _set_basis([pk for pk, _key in rows], basis)
    for basis, rows in sorted(by_basis.items()):
        _record(job, [key for _pk, key in rows], basis, "", undone=True)
    returned = sum(map(len, by_basis.values()))
    return Returned(returned=returned, kept=len(before) - returned)


def _set_basis(ids: list[UUID], basis: str) -> None:
    Recipient.objects.filter(pk__in=ids).update(basis=basis, updated_at=timezone.now())


def _record(
    job: BulkJob, keys: list[str], basis: str, wording: str, *, undone: bool = False
) -> None:
    record_many(
        job.workspace_id,
        keys,
        kind=ConsentKind.GIVEN,
        basis=basis,
        source=ConsentSource.BULK,
        reference=f"undone {job.pk}" if undone else str(job.pk),
        wording=wording,
        by=job.created_by,
    )


def _note_before(items: Items, before: dict[UUID, dict[str, Any]]) -> None:
    ids = dict(items.values_list("recipient_id", "pk"))
    write(BulkItem, "before", {ids[pk]: was for pk, was in before.items()})


# The stop list -------------------------------------------------------------------------
def stop(job: BulkJob, items: Items) -> int:
    """Put on the stop list whose address is not there; entries are ours to undo."""
    lock_stop_list(job.workspace_id)
    people = people_of(job, items).values_list("pk", "address_hash", "email")
    rows = {digest: (pk, email) for pk, digest, email in people}
    known = Suppression.objects.of(job.workspace).filter(address_hash__in=list(rows))
    for digest in known.values_list("address_hash", flat=True):
        del rows[digest]
    entries = {
        pk: Suppression(
            workspace_id=job.workspace_id,
            address_hash=digest,
            email=email,
            reason=SuppressionReason.MANUAL,
            evidence=job.wish["evidence"],
            created_by_id=job.created_by_id,
        )
        for digest, (pk, email) in rows.items()
    }
    Suppression.objects.bulk_create(entries.values())
    _note_before(items, {pk: {"entry": row.pk.hex} for pk, row in entries.items()})
    stopped = Recipient.objects.filter(pk__in=list(entries), suppressed=False)
    stopped.update(suppressed=True)
    note_departure(job.workspace_id)
    return len(entries)


def undo_stop(job: BulkJob, items: Items) -> Returned:
    """Lift the entries that the job made, unless a stronger reason has come since."""
    lock_stop_list(job.workspace_id)
    before: dict[UUID, Any] = dict(changed(items).values_list("recipient_id", "before"))
    ours = Suppression.objects.of(job.workspace).filter(
        pk__in=[UUID(was["entry"]) for was in before.values()],
        reason=SuppressionReason.MANUAL,
    )
    returned = ours.delete()[0]
    mark_suppressed(job.workspace_id, list(before))
    return Returned(returned=returned, kept=len(before) - returned)


# Deletion ------------------------------------------------------------------------------
def delete_batch(job: BulkJob, items: Items) -> int:
    lock_stop_list(job.workspace_id)
    # With the key locked too: nobody puts them into a list between two statements.
    people = people_of(job, items).select_for_update().values_list("pk", flat=True)
    ids = list(people)
    remember_departed(job.workspace_id, ids)
    number = delete_people(ids)
    note_departure(job.workspace_id)
    return number
