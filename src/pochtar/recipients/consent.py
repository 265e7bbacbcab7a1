"""Write lines of the consent ledger: append-only, one chain a workspace (LAW-01).

Every line is written in the transaction of what it records.  The end of the chain is
locked until that commits: locks are taken in the order workspace (stoplist.py),
recipients, end of the chain, so write the line last.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from pochtar.accounts.models import User, Workspace
from pochtar.base.addresshash import hash_address
from pochtar.recipients.consent_chain import digest_of, hash_of
from pochtar.recipients.models import (
    Basis,
    ConsentEntry,
    ConsentHead,
    ConsentKind,
    ConsentSource,
    ConsentSubject,
    Recipient,
)

LONGEST_REFERENCE = 200
LONGEST_USER_AGENT = 300
LONGEST_LANGUAGE = 8
BATCH = 5000
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_NUL = re.compile("[\x00\ud800-\udfff]")  # a wording has lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The person at the other end of a page, as far as the request tells."""

    ip: str = ""
    user_agent: str = ""
    language: str = ""


NOBODY = Reader()


def record_one(
    recipient: Recipient,
    *,
    kind: ConsentKind,
    source: ConsentSource,
    basis: Basis | str = "",
    reference: str = "",
    wording: str = "",
    by: User | None = None,
    reader: Reader = NOBODY,
) -> ConsentEntry:
    """Write a line about a recipient, in the caller's transaction."""
    return record_address(
        recipient.workspace_id,
        recipient.email_key,
        kind=kind,
        source=source,
        basis=basis,
        reference=reference,
        wording=wording,
        by=by,
        reader=reader,
        recipient_id=recipient.pk,
    )


def record_address(
    workspace: Workspace | UUID,
    email_key: str,
    *,
    kind: ConsentKind,
    source: ConsentSource,
    basis: Basis | str = "",
    reference: str = "",
    wording: str = "",
    by: User | None = None,
    reader: Reader = NOBODY,
    recipient_id: UUID | None = None,
) -> ConsentEntry:
    """Write a line about an address, whether or not somebody has it here."""
    return record_hash(
        workspace,
        hash_address(email_key),
        kind=kind,
        source=source,
        basis=basis,
        reference=reference,
        wording=wording,
        by=by,
        reader=reader,
        recipient_id=recipient_id,
    )


def record_hash(
    workspace: Workspace | UUID,
    address_hash: UUID,
    *,
    kind: ConsentKind,
    source: ConsentSource,
    basis: Basis | str = "",
    reference: str = "",
    wording: str = "",
    by: User | None = None,
    reader: Reader = NOBODY,
    recipient_id: UUID | None = None,
) -> ConsentEntry:
    """Write a line about an address of which only the hash is known."""
    return _append(
        ConsentEntry(
            workspace_id=_pk(workspace),
            kind=kind,
            basis=basis,
            source=source,
            reference=_one_line(reference, LONGEST_REFERENCE),
            wording=_NUL.sub("", wording),
            language=_one_line(reader.language, LONGEST_LANGUAGE),
            ip=_clean_ip(reader.ip),
            user_agent=_one_line(reader.user_agent, LONGEST_USER_AGENT),
            recorded_by=by.pk if by else None,
            recipient_id=recipient_id,
            address_hash=address_hash,
        )
    )


def record_batch(
    workspace: Workspace | UUID,
    *,
    kind: ConsentKind,
    basis: Basis | str,
    source: ConsentSource,
    reference: str = "",
    wording: str = "",
    language: str = "",
    by: User | UUID | None = None,
    digest: str,
    number: int,
) -> ConsentEntry:
    """Write a line about many; the caller adds the ``ConsentSubject`` rows to it.

    ``digest`` is `SubjectsDigest` over exactly those rows, in the order of (row,
    address hash); ``number`` is how many there are.  Same transaction, or the ledger
    does not verify.
    """
    return _append(
        ConsentEntry(
            workspace_id=_pk(workspace),
            kind=kind,
            basis=basis,
            source=source,
            reference=_one_line(reference, LONGEST_REFERENCE),
            wording=_NUL.sub("", wording),
            language=_one_line(language, LONGEST_LANGUAGE),
            recorded_by=by.pk if isinstance(by, User) else by,
            digest=digest,
            number=number,
        )
    )


@transaction.atomic
def record_many(
    workspace: Workspace | UUID,
    email_keys: Iterable[str],
    *,
    kind: ConsentKind,
    basis: Basis | str = "",
    source: ConsentSource,
    reference: str = "",
    wording: str = "",
    language: str = "",
    by: User | None = None,
) -> ConsentEntry | None:
    """Write a line about these addresses with its subjects; None if there are none.

    Their rows are 0: they come from no file.  For a batch of thousands, not for all.
    """
    hashes = sorted({hash_address(key).hex for key in email_keys})
    if not hashes:
        return None
    entry = record_batch(
        workspace,
        kind=kind,
        basis=basis,
        source=source,
        reference=reference,
        wording=wording,
        language=language,
        by=by,
        digest=digest_of((0, digits) for digits in hashes),
        number=len(hashes),
    )
    ConsentSubject.objects.bulk_create(
        (ConsentSubject(entry=entry, address_hash=UUID(digits)) for digits in hashes),
        batch_size=BATCH,
    )
    return entry


@transaction.atomic
def _append(entry: ConsentEntry) -> ConsentEntry:
    """Put the entry behind the last one of its workspace."""
    heads = ConsentHead.objects.filter(workspace=entry.workspace_id)
    head = heads.select_for_update(no_key=True).first()
    if head is None:
        first = ConsentHead(workspace_id=entry.workspace_id)
        ConsentHead.objects.bulk_create([first], ignore_conflicts=True)
        head = heads.select_for_update(no_key=True).get()
    entry.sequence = head.sequence + 1
    entry.previous_hash = head.hash
    entry.at = timezone.now()
    entry.hash = hash_of(entry)
    entry.save(force_insert=True)
    heads.update(sequence=entry.sequence, hash=entry.hash)
    return entry


def _pk(workspace: Workspace | UUID) -> UUID:
    return workspace if isinstance(workspace, UUID) else workspace.pk


def _one_line(text: str, longest: int) -> str:
    return _CONTROL.sub(" ", text)[:longest]


def _clean_ip(text: str) -> str | None:
    """Return the address in its one spelling, as both databases give it back."""
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return str(mapped or ip)
