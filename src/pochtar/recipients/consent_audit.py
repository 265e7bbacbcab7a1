"""Verify the consent ledger: every hash anew, and every digest of those it is about.

Streaming: the chains one after the other, then all subjects in the order of their
entries beside the entries that are about many.  Of a chain the first line that is not
as it was written is named; behind it nothing can be said.  People may go on writing
meanwhile: a chain is held against the end that it had before it was read, and a digest
that is off is computed once more before it is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from django.db.models import QuerySet

from pochtar.recipients.consent_chain import SubjectsDigest, hash_of
from pochtar.recipients.models import ConsentEntry, ConsentHead, ConsentSubject

CHUNK = 2000
DIGESTED = ("entry_id", "row", "address_hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """A line that is not as it was written.

    Codes: ``missing`` (a sequence number is left out), ``unchained`` (the previous hash
    is not that of the line before), ``changed`` (the hash is not that of the columns),
    ``cut`` (the chain does not reach its recorded end), ``subjects`` (the people it is
    about are not those it was written for), ``orphan`` (people without a line).
    """

    code: str
    workspace_id: UUID | None
    sequence: int
    pk: int | None


@dataclass(slots=True)
class Audit:
    """Counts what it has looked at, as it goes."""

    chains: int = 0
    entries: int = 0
    many: int = 0  # of them
    subjects: int = 0  # on the lines for many

    @property
    def people(self) -> int:
        """How many statements there are: one a person and line."""
        return self.entries - self.many + self.subjects

    def run(self) -> Iterator[Flaw]:
        """Yield the first flaw of each chain, then each line with wrong subjects."""
        ends = {head.workspace_id: head for head in ConsentHead.objects.all()}
        begun = ConsentEntry.objects.order_by().values_list("workspace_id", flat=True)
        for workspace_id in sorted({*ends, *begun.distinct()}):
            self.chains += 1
            yield from self._chain(workspace_id, ends.get(workspace_id))
        yield from self._digests()

    def _chain(self, workspace_id: UUID, end: ConsentHead | None) -> Iterator[Flaw]:
        rows = ConsentEntry.objects.filter(workspace=workspace_id)
        last: ConsentEntry | None = None
        for entry in rows.order_by("sequence").iterator(chunk_size=CHUNK):
            self.entries += 1
            if code := _trouble(entry, last, end):
                yield _flaw(code, entry)
                return
            last = entry
        reached = last.sequence if last else 0
        now = ConsentHead.objects.filter(pk=workspace_id).first()
        if reached < (end.sequence if end else 0):
            yield Flaw(
                code="cut", workspace_id=workspace_id, sequence=reached + 1, pk=None
            )
        elif last and reached > (now.sequence if now else 0):
            yield _flaw("cut", last)  # behind the end that everybody knows

    def _digests(self) -> Iterator[Flaw]:
        """Walk both sides of the join, each in the order of the entries' keys."""
        many = ConsentEntry.objects.filter(address_hash=None).order_by("pk")
        found = self._groups()
        group = next(found, None)
        for entry in many.iterator(chunk_size=CHUNK):
            self.many += 1
            while group and group[0] < entry.pk:
                yield from _without_entry(group[0])
                group = next(found, None)
            mine = group if group and group[0] == entry.pk else None
            if not mine or mine[1:] != (entry.number, entry.digest):
                yield from _recheck(entry)
            group = next(found, None) if mine else group
        while group:
            yield from _without_entry(group[0])
            group = next(found, None)

    def _groups(self) -> Iterator[tuple[int, int, str]]:
        rows = ConsentSubject.objects.order_by(*DIGESTED).values_list(*DIGESTED)
        for pk, subjects in groupby(rows.iterator(chunk_size=CHUNK), key=itemgetter(0)):
            digest = _digest(subjects)
            self.subjects += digest.number
            yield pk, digest.number, digest.hexdigest()


def _trouble(
    entry: ConsentEntry, last: ConsentEntry | None, end: ConsentHead | None
) -> str:
    if entry.sequence != (last.sequence + 1 if last else 1):
        return "missing"
    if entry.previous_hash != (last.hash if last else ""):
        return "unchained"
    if entry.hash != hash_of(entry):
        return "changed"
    ends_here = end is not None and end.sequence == entry.sequence
    return "unchained" if ends_here and end and end.hash != entry.hash else ""


def _recheck(entry: ConsentEntry) -> Iterator[Flaw]:
    """Look once more: entry and subjects may have come between our two looks."""
    digest = _digest(_subjects_of(entry.pk).values_list(*DIGESTED))
    if (digest.number, digest.hexdigest()) != (entry.number, entry.digest):
        yield _flaw("subjects", entry)


def _without_entry(pk: int) -> Iterator[Flaw]:
    entry = ConsentEntry.objects.filter(pk=pk).first()
    if entry is None:
        yield Flaw(code="orphan", workspace_id=None, sequence=0, pk=pk)
    elif entry.address_hash:
        yield _flaw("subjects", entry)  # it is about one address, and has others too
    else:
        yield from _recheck(entry)


def _subjects_of(pk: int) -> QuerySet[ConsentSubject]:
    return ConsentSubject.objects.filter(entry=pk).order_by(*DIGESTED)


def _digest(subjects: Iterable[tuple[int, int, UUID]]) -> SubjectsDigest:
    digest = SubjectsDigest()
    for _entry, row, address_hash in subjects:
        digest.add(row, address_hash)
    return digest


def _flaw(code: str, entry: ConsentEntry) -> Flaw:
    return Flaw(
        code=code,
        workspace_id=entry.workspace_id,
        sequence=entry.sequence,
        pk=entry.pk,
    )
