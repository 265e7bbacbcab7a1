"""LAW-01: the ledger's chain is verified, and what was changed is named."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pochtar.accounts.models import User, Workspace
from pochtar.base.addresshash import hash_address
from pochtar.recipients.consent import (
    Reader,
    record_address,
    record_batch,
    record_many,
)
from pochtar.recipients.consent_audit import Audit, Flaw
from pochtar.recipients.consent_chain import SubjectsDigest, canonical_text, digest_of
from pochtar.recipients.models import (
    Basis,
    ConsentEntry,
    ConsentHead,
    ConsentKind,
    ConsentSource,
    ConsentSubject,
)
from tests.ledger_guard import guard_open
from tests.make import make_workspace

pytestmark = pytest.mark.django_db
ABSURD = st.text(st.characters(codec=None), max_size=40)


def write(workspace: Workspace, key: str = "a@example.com", **over: Any) -> Any:
    return record_address(
        workspace,
        key,
        **{"kind": ConsentKind.GIVEN, "source": ConsentSource.PERSON, **over},
    )


def flaws() -> list[Flaw]:
    return list(Audit().run())


def codes() -> list[tuple[str, int]]:
    return [(flaw.code, flaw.sequence) for flaw in flaws()]


def test_each_workspace_has_its_own_unbroken_chain(
    workspace: Workspace, owner: User
) -> None:
    other = make_workspace()

    first, elsewhere, second = (
        write(workspace),
        write(other),
        write(workspace, by=owner),
    )

    assert [first.sequence, elsewhere.sequence, second.sequence] == [1, 1, 2]
    assert (first.previous_hash, second.previous_hash) == ("", first.hash)
    audit = Audit()
    assert list(audit.run()) == []
    assert (audit.chains, audit.entries) == (2, 3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wording=ABSURD,
    agent=ABSURD,
    reference=ABSURD,
    ip=st.one_of(st.ip_addresses().map(str), ABSURD),
)
def test_whatever_is_written_verifies_when_it_is_read_back(
    workspace: Workspace, wording: str, agent: str, reference: str, ip: str
) -> None:
    reader = Reader(ip=ip, user_agent=agent, language="ru")

    entry = write(workspace, wording=wording, reference=reference, reader=reader)

    kept = ConsentEntry.objects.get(pk=entry.pk)
    assert canonical_text(kept) == canonical_text(entry)
    assert flaws() == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "2020-01-01T00:00:00+00:00"),
        ("kind", "confirmed"),
        ("basis", "contract"),
        ("wording", "something else"),
        ("address_hash", uuid4()),
        ("recorded_by", uuid4()),
        ("hash", "0" * 64),
        ("number", 7),
    ],
)
def test_law_01_a_changed_column_is_found_and_its_row_named(
    workspace: Workspace, column: str, value: object
) -> None:
    rows = [write(workspace) for _ in range(4)]

    with guard_open():
        ConsentEntry.objects.filter(pk=rows[1].pk).update(**{column: value})

    assert flaws() == [
        Flaw(code="changed", workspace_id=workspace.pk, sequence=2, pk=rows[1].pk)
    ]


def tamper(act: Callable[[], object]) -> list[tuple[str, int]]:
    with guard_open():
        act()
    return codes()


def test_law_01_a_line_that_is_gone_is_missed(workspace: Workspace) -> None:
    rows = [write(workspace) for _ in range(4)]

    assert tamper(rows[1].delete) == [("missing", 3)]


def test_law_01_lines_cut_off_at_the_end_are_missed(workspace: Workspace) -> None:
    rows = [write(workspace) for _ in range(4)]

    assert tamper(rows[3].delete) == [("cut", 4)]
    assert tamper(ConsentEntry.objects.all().delete) == [("cut", 1)]


def test_law_01_an_end_that_was_set_back_is_seen(workspace: Workspace) -> None:
    first, second = write(workspace), write(workspace)

    heads = ConsentHead.objects.filter(workspace=workspace)
    heads.update(sequence=first.sequence, hash=first.hash)

    assert flaws() == [
        Flaw(code="cut", workspace_id=workspace.pk, sequence=2, pk=second.pk)
    ]


def test_a_line_for_many_is_about_exactly_those_people(workspace: Workspace) -> None:
    entry = record_many(
        workspace,
        [f"p{number}@example.com" for number in range(20)],
        kind=ConsentKind.GIVEN,
        basis=Basis.CONSENT,
        source=ConsentSource.BULK,
    )
    write(workspace)

    audit = Audit()

    assert entry
    assert list(audit.run()) == []
    assert (audit.entries, audit.subjects, entry.number) == (2, 20, 20)


@pytest.mark.parametrize("act", ["add", "remove", "exchange", "row"])
def test_law_01_other_people_on_a_line_for_many_are_found(
    workspace: Workspace, act: str
) -> None:
    entry = record_many(
        workspace,
        ["a@example.com", "b@example.com"],
        kind=ConsentKind.GIVEN,
        source=ConsentSource.BULK,
    )
    assert entry
    subjects = ConsentSubject.objects.filter(entry=entry)
    first = subjects.filter(pk=subjects.order_by("pk").values("pk")[:1])

    with guard_open():
        if act == "add":
            ConsentSubject.objects.create(entry=entry, address_hash=uuid4())
        elif act == "remove":
            subjects.filter(address_hash=hash_address("a@example.com")).delete()
        elif act == "exchange":
            first.update(address_hash=uuid4())
        else:
            first.update(row=9)

    assert codes() == [("subjects", 1)]


def test_people_without_a_line_of_theirs_are_found(workspace: Workspace) -> None:
    one = write(workspace)
    ConsentSubject.objects.create(entry=one, address_hash=uuid4())
    ConsentSubject.objects.create(entry_id=one.pk + 1000, address_hash=uuid4())

    assert codes() == [("subjects", 1), ("orphan", 0)]


def test_an_import_hangs_its_rows_on_a_line_with_their_digest(
    workspace: Workspace, owner: User
) -> None:
    people = [(row, hash_address(f"p{row}@example.com")) for row in range(2, 12)]
    digest = SubjectsDigest()
    for row, address_hash in people:
        digest.add(row, address_hash.hex)

    entry = record_batch(
        workspace,
        kind=ConsentKind.GIVEN,
        basis=Basis.CONSENT,
        source=ConsentSource.IMPORT,
        reference="import 1",
        by=owner.pk,
        digest=digest.hexdigest(),
        number=digest.number,
    )
    ConsentSubject.objects.bulk_create(
        ConsentSubject(entry=entry, row=row, address_hash=one)
        for row, one in reversed(people)
    )

    assert digest.hexdigest() == digest_of(people)
    assert flaws() == []


@pytest.mark.django_db(transaction=True)
def test_writers_side_by_side_do_not_fork_the_chain(workspace: Workspace) -> None:
    start = threading.Barrier(6)

    def work(pk: UUID) -> None:
        try:
            start.wait()
            for _ in range(5):
                with transaction.atomic():
                    write(Workspace.objects.get(pk=pk))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, [workspace.pk] * 6))

    assert ConsentEntry.objects.count() == 30
    assert flaws() == []
