"""What the ledger says of one address: for the person, a regulator or a court (LAW-01)."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from pochtar.accounts.models import User, Workspace
from pochtar.base.addresshash import hash_address
from pochtar.recipients.cleaning import clean_address
from pochtar.recipients.consent_chain import canonical_text, hash_of
from pochtar.recipients.models import ConsentEntry, ConsentHead, ConsentSubject


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One statement; ``row`` is that of the imported file, 0 if it came from none."""

    entry: ConsentEntry
    row: int
    recorded_by: str  # the participant's name and address, as they are today
    intact: bool  # the hash is that of the line


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """``head`` is how long the ledger is now: the lines lie in it at their places."""

    workspace: Workspace
    email: str
    address_hash: UUID
    made_at: dt.datetime
    lines: list[Line]
    head: int
    head_hash: str

    @property
    def intact(self) -> bool:
        return all(line.intact for line in self.lines)


def proof_of(workspace: Workspace, email: str) -> Proof:
    """Return all that was stated about the address, oldest first.

    InvalidInput (``email``) for what is no address.  An address of which nothing is
    known has no lines; somebody erased is found by whoever still knows their address.
    """
    address = clean_address(email)
    wanted = hash_address(address.key)
    rows = _rows_of(workspace, wanted)
    entries = entries_of(workspace, wanted).order_by("sequence")
    names = _names([entry.recorded_by for entry in entries])
    head = ConsentHead.objects.filter(workspace=workspace).first()
    return Proof(
        workspace=workspace,
        email=address.display,
        address_hash=wanted,
        made_at=timezone.now(),
        lines=[
            Line(
                entry=entry,
                row=rows.get(entry.pk, 0),
                recorded_by=names.get(entry.recorded_by, ""),
                intact=entry.hash == hash_of(entry),
            )
            for entry in entries
        ],
        head=head.sequence if head else 0,
        head_hash=head.hash if head else "",
    )


def entries_of(workspace: Workspace, address_hash: UUID) -> QuerySet[ConsentEntry]:
    """Return the lines about an address, its own and those for many."""
    # Each by its index: a person has few lines, so their keys fit into the question.
    mine = ConsentEntry.objects.of(workspace).filter(address_hash=address_hash)
    own = list(mine.values_list("pk", flat=True))
    return ConsentEntry.objects.of(workspace).filter(
        pk__in=[*own, *_rows_of(workspace, address_hash)]
    )


def names_of(entries: list[ConsentEntry]) -> dict[UUID | None, str]:
    """Return how the participants who recorded these are called today."""
    return _names([entry.recorded_by for entry in entries])


def proof_json(proof: Proof) -> str:
    """Return the proof as a file that can be checked without this program.

    ``sealed`` of each line, written with its keys in order, without spaces and in
    UTF-8, has the SHA-256 ``hash``.
    """
    return json.dumps(
        {
            "workspace": {"id": str(proof.workspace.pk), "name": proof.workspace.name},
            "address": proof.email,
            "address_hash": proof.address_hash.hex,
            "made_at": proof.made_at.isoformat(),
            "ledger": {"lines": proof.head, "last_hash": proof.head_hash},
            "lines": [_line(line) for line in proof.lines],
        },
        ensure_ascii=False,
        indent=2,
    )


def _line(line: Line) -> dict[str, Any]:
    return {
        "sealed": json.loads(canonical_text(line.entry)),
        "hash": line.entry.hash,
        "intact": line.intact,
        "row": line.row,
        "recorded_by": line.recorded_by,
    }


def _rows_of(workspace: Workspace, address_hash: UUID) -> dict[int, int]:
    """Return the lines for many that name the address, with the row that does."""
    subjects = ConsentSubject.objects.filter(
        address_hash=address_hash, entry__workspace=workspace
    )
    return dict(subjects.values_list("entry_id", "row"))


def _names(ids: list[UUID | None]) -> dict[UUID | None, str]:
    people = User.objects.filter(pk__in={pk for pk in ids if pk})
    return {
        person.pk: f"{person.name} <{person.email}>" if person.name else person.email
        for person in people
    }
