"""Who must not be written to, whatever list they are in (BNC-07).

An entry names an address by its hash, or a domain with all below it, and stays when the
recipient goes.  Every change keeps ``Recipient.suppressed`` right in its transaction and
lets a running mailing look again; how no new recipient slips by stands in stop_marks.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mailcore.addresses import AddressError, parse_domain
from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import note_departure, require_role, write_audit
from pochtar.base.addresshash import hash_address
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.recipients.cleaning import capped, clean_address, clean_comment
from pochtar.recipients.consent import (
    NOBODY,
    Reader,
    record_address,
    record_hash,
    record_many,
)
from pochtar.recipients.models import (
    ConsentKind,
    ConsentSource,
    Recipient,
    Suppression,
    SuppressionReason,
)
from pochtar.recipients.stop_marks import (
    batches,
    lock_stop_list,
    mark_domains,
    mark_suppressed,
    pk_of,
    within,
)

LONGEST_EVIDENCE = 1000
# What the person themselves said: it stands in the ledger too (LAW-01), but without
# the evidence: that may name them, and the ledger keeps what is once in it (LAW-06).
WISHES = {
    SuppressionReason.UNSUBSCRIBED: ConsentKind.WITHDRAWN,
    SuppressionReason.OBJECTED: ConsentKind.OBJECTED,
    SuppressionReason.COMPLAINED: ConsentKind.OBJECTED,
    SuppressionReason.ERASED: ConsentKind.OBJECTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StopEntry:
    """An address or a domain for the stop list, as typed; the other one is ""."""

    email: str = ""
    domain: str = ""
    reason: SuppressionReason = SuppressionReason.MANUAL
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    added: int  # entries; the others were there already
    marked: int  # recipients that are no longer written to


@transaction.atomic
def stop_address(
    workspace: Workspace,
    email: str,
    *,
    reason: SuppressionReason,
    evidence: str = "",
    by: User | None = None,
    reader: Reader = NOBODY,
) -> tuple[Suppression, bool]:
    """Write to the address no more; return the entry and whether it is new.

    InvalidInput names the field: email or evidence.  ``by`` None: the person's own
    wish, or a mail server's word, and no role to check.  One who had unsubscribed is
    kept for the stronger reason from now on.
    """
    if by:
        require_role(by, workspace, Role.EDITOR)
    address = clean_address(email)
    evidence = clean_evidence(evidence)
    lock_stop_list(workspace)
    row, added = Suppression.objects.get_or_create(
        workspace=workspace,
        address_hash=hash_address(address.key),
        defaults={
            "email": address.display,
            "reason": reason,
            "evidence": evidence,
            "created_by": by,
        },
    )
    if not (added or _outranks(row, reason)):
        return row, False
    if not added:
        row.reason, row.evidence = reason, evidence
        row.save(update_fields=["reason", "evidence"])
    _stop_recipients(workspace, [address.key])
    write_audit(
        workspace, by=by, verb="address_stopped", subject=row, reason=str(reason)
    )
    if kind := WISHES.get(SuppressionReason(reason)):
        record_address(
            workspace,
            address.key,
            kind=kind,
            source=ConsentSource.PERSON if by else ConsentSource.LETTER,
            reference=f"stoplist {row.pk}",
            by=by,
            reader=reader,
        )
    return row, added


@transaction.atomic
def stop_domain(
    workspace: Workspace,
    domain: str,
    *,
    reason: SuppressionReason = SuppressionReason.MANUAL,
    evidence: str = "",
    by: User,
) -> tuple[Suppression, bool]:
    """Write to nobody in the domain or below it; errors as in `stop_address`."""
    require_role(by, workspace, Role.EDITOR)
    name = clean_domain(domain)
    evidence = clean_evidence(evidence)
    lock_stop_list(workspace)
    row, added = Suppression.objects.get_or_create(
        workspace=workspace,
        domain=name,
        defaults={"reason": reason, "evidence": evidence, "created_by": by},
    )
    if added:
        mine = Recipient.objects.filter(within(name), workspace=workspace)
        mine.filter(suppressed=False).update(suppressed=True)
        note_departure(workspace)
        write_audit(workspace, by=by, verb="domain_stopped", subject=row, domain=name)
    return row, added


@transaction.atomic
def lift(suppression: Suppression, *, by: User) -> None:
    """Take the entry off the list; Conflict if somebody has done so already.

    Whoever is still stopped by another entry stays so.
    """
    workspace = suppression.workspace
    require_role(by, workspace, Role.EDITOR)
    lock_stop_list(workspace)
    if not Suppression.objects.filter(pk=suppression.pk).delete()[0]:
        raise Conflict(
            "suppression_gone", _("This entry is not on the stop list any more.")
        )
    write_audit(
        workspace,
        by=by,
        verb="suppression_lifted",
        subject=suppression,
        reason=suppression.reason,
        entry=suppression.domain or suppression.digits,
    )
    rows = Recipient.objects.filter(workspace=workspace, suppressed=True)
    if suppression.domain:
        rows = rows.filter(within(suppression.domain))
    else:
        rows = rows.filter(address_hash=suppression.address_hash)
    mark_suppressed(workspace, list(rows.values_list("pk", flat=True)))
    if suppression.reason in WISHES and suppression.address_hash:
        record_hash(
            workspace,
            suppression.address_hash,
            kind=ConsentKind.RESUMED,
            source=ConsentSource.PERSON,
            reference=f"stoplist {suppression.pk}",
            by=by,
        )


def remember_departed(workspace: Workspace | UUID, recipients: Iterable[UUID]) -> int:
    """Keep on the stop list, by hash, who of these had unsubscribed (BNC-07).

    In the transaction that deletes them, before it does, behind `lock_stop_list`.
    Whoever is on the list already stays there by themselves.
    """
    number = 0
    for ids in batches(recipients):
        left = Recipient.objects.filter(pk__in=ids, unsubscribed_at__isnull=False)
        rows = [
            Suppression(
                workspace_id=pk_of(workspace),
                address_hash=address_hash,
                reason=SuppressionReason.UNSUBSCRIBED,
                created_at=at,
            )
            for address_hash, at in left.values_list("address_hash", "unsubscribed_at")
        ]
        Suppression.objects.bulk_create(rows, ignore_conflicts=True)
        number += len(rows)
    return number


@transaction.atomic
def forget_address(
    workspace: Workspace, email_key: str, *, by: User | None, reader: Reader = NOBODY
) -> Suppression:
    """Keep of the address nothing but the hash that stops it (LAW-06)."""
    lock_stop_list(workspace)
    row, _added = Suppression.objects.update_or_create(
        workspace=workspace,
        address_hash=hash_address(email_key),
        defaults={"email": "", "evidence": "", "reason": SuppressionReason.ERASED},
        create_defaults={"reason": SuppressionReason.ERASED, "created_by": by},
    )
    _stop_recipients(workspace, [email_key])
    record_address(
        workspace,
        email_key,
        kind=ConsentKind.OBJECTED,
        source=ConsentSource.PERSON if by else ConsentSource.LETTER,
        reference=f"stoplist {row.pk}",
        by=by,
        reader=reader,
    )
    return row


def clean_domain(text: str) -> str:
    """Return the domain as it is kept; "@" or "*." in front may be pasted with it."""
    text = text.strip().removeprefix("@").removeprefix("*.")
    try:
        return parse_domain(text)
    except AddressError as error:
        raise InvalidInput(
            f"domain_{error.code}",
            _("This is not a domain. It should look like “example.com”."),
            field="domain",
        ) from error


def clean_evidence(text: str) -> str:
    try:
        return capped(clean_comment(text), LONGEST_EVIDENCE, field="evidence")
    except InvalidInput as error:
        raise InvalidInput(error.code, error.text, field="evidence") from error


def _outranks(row: Suppression, reason: SuppressionReason) -> bool:
    """Say whether the reason is more than that they unsubscribed, which is undone."""
    weakest = SuppressionReason.UNSUBSCRIBED
    return row.reason == weakest and reason != weakest


def _stop_recipients(workspace: Workspace, keys: list[str]) -> int:
    mine = Recipient.objects.filter(workspace=workspace, email_key__in=keys)
    number = mine.filter(suppressed=False).update(suppressed=True)
    note_departure(workspace)
    return number


@transaction.atomic
def stop_batch(
    workspace: Workspace, batch: list[StopEntry], *, by: User | None
) -> Stopped:
    """Add these entries, which are clean already; one that is there stays as it is."""
    lock_stop_list(workspace)
    addresses: dict[str, StopEntry] = {}
    domains: dict[str, StopEntry] = {}
    for one in batch:  # of two for the same the first counts
        if one.email:
            addresses.setdefault(clean_address(one.email).key, one)
        else:
            domains.setdefault(one.domain, one)
    new_addresses = _fresh(workspace, addresses)
    named = Suppression.objects.filter(workspace=workspace, domain__in=domains)
    known = set(named.values_list("domain", flat=True))
    new_domains = {key: one for key, one in domains.items() if key not in known}
    rows = [
        Suppression(
            workspace=workspace,
            address_hash=hash_address(key) if one.email else None,
            email=one.email,
            domain=one.domain,
            reason=one.reason,
            evidence=one.evidence,
            created_by=by,
        )
        for key, one in [*new_addresses.items(), *new_domains.items()]
    ]
    Suppression.objects.bulk_create(rows)
    mine = Recipient.objects.filter(workspace=workspace, suppressed=False)
    marked = mine.filter(email_key__in=list(new_addresses)).update(suppressed=True)
    marked += mark_domains(pk_of(workspace), new_domains)
    _record_wishes(workspace, new_addresses, by=by)
    note_departure(workspace)
    return Stopped(added=len(rows), marked=marked)


def _fresh(
    workspace: Workspace, addresses: dict[str, StopEntry]
) -> dict[str, StopEntry]:
    hashes = {hash_address(key): key for key in addresses}
    known = Suppression.objects.filter(
        workspace=workspace, address_hash__in=list(hashes)
    )
    there = {hashes[one] for one in known.values_list("address_hash", flat=True)}
    return {key: one for key, one in addresses.items() if key not in there}


def _record_wishes(
    workspace: Workspace, entries: dict[str, StopEntry], *, by: User | None
) -> None:
    for reason, kind in WISHES.items():
        record_many(
            workspace,
            [key for key, one in entries.items() if one.reason == reason],
            kind=kind,
            source=ConsentSource.IMPORT,
            reference="stoplist",
            by=by,
        )
