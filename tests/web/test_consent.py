"""The consent ledger's pages, and the proof sheet of an address (LAW-01)."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from django.test import Client
from django.urls import reverse

from pochtar.accounts.models import User, Workspace
from pochtar.base.addresshash import hash_address
from pochtar.recipients.consent import (
    Reader,
    record_address,
    record_batch,
    record_many,
    record_one,
)
from pochtar.recipients.consent_chain import digest_of
from pochtar.recipients.models import (
    Basis,
    ConsentEntry,
    ConsentKind,
    ConsentSource,
    ConsentSubject,
    Import,
)
from tests.ledger_guard import guard_open
from tests.make import make_recipient, make_workspace

pytestmark = pytest.mark.django_db
EMAIL = "anna@example.com"


def text_of(response) -> str:
    return str(response.content.decode())


def proof(client: Client, **query: str):
    return client.get(reverse("consent-proof"), {"email": EMAIL, **query})


def imported(workspace: Workspace, owner: User) -> ConsentEntry:
    people = [(row, hash_address(f"p{row}@example.com")) for row in range(2, 5)]
    people.append((5, hash_address(EMAIL)))
    entry = record_batch(
        workspace,
        kind=ConsentKind.GIVEN,
        basis=Basis.CONSENT,
        source=ConsentSource.IMPORT,
        reference="customers.csv",
        wording="Согласен получать новости",
        by=owner,
        digest=digest_of(people),
        number=len(people),
    )
    ConsentSubject.objects.bulk_create(
        ConsentSubject(entry=entry, row=row, address_hash=one) for row, one in people
    )
    return entry


def test_law_01_a_proof_sheet_says_what_was_stated_when_by_whom_and_where(
    as_viewer: Client, workspace: Workspace, owner: User
) -> None:
    entry = imported(workspace, owner)
    recipient = make_recipient(workspace, EMAIL)
    reader = Reader(ip="203.0.113.9", user_agent="Mail/1.0", language="ru")
    record_one(
        recipient,
        kind=ConsentKind.WITHDRAWN,
        source=ConsentSource.LETTER,
        reader=reader,
    )
    record_address(
        workspace,
        "other@example.com",
        kind=ConsentKind.GIVEN,
        source=ConsentSource.PERSON,
    )

    page = text_of(proof(as_viewer))

    for part in (
        "Согласен получать новости",
        "customers.csv",
        owner.email,
        entry.hash,
        "203.0.113.9",
        "Mail/1.0",
        reverse("recipient", args=[recipient.pk]),
    ):
        assert part in page
    assert page.count("proof-line") == 2


def test_law_01_the_file_can_be_checked_without_this_program(
    as_viewer: Client, workspace: Workspace, owner: User
) -> None:
    entry = imported(workspace, owner)

    answer = proof(as_viewer, format="json")

    assert "attachment" in answer["Content-Disposition"]
    (line,) = json.loads(answer.content)["lines"]
    text = json.dumps(
        line["sealed"], ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    assert sha256(text.encode()).hexdigest() == line["hash"] == entry.hash
    assert (line["row"], line["intact"]) == (5, True)


def test_a_changed_line_is_said_to_be_changed(
    as_viewer: Client, workspace: Workspace
) -> None:
    record_address(
        workspace, EMAIL, kind=ConsentKind.GIVEN, source=ConsentSource.PERSON
    )
    with guard_open():
        ConsentEntry.objects.update(wording="forged")

    assert not proof(as_viewer).context["proof"].intact
    assert "badge-bad" in text_of(proof(as_viewer))


def test_another_workspaces_lines_are_not_shown(
    as_viewer: Client, workspace: Workspace
) -> None:
    record_many(
        make_workspace(),
        [EMAIL],
        kind=ConsentKind.GIVEN,
        source=ConsentSource.BULK,
    )

    assert proof(as_viewer).context["proof"].lines == []
    assert as_viewer.get(reverse("consent")).context["lines"] == []


@pytest.mark.parametrize(
    "typed", ["nonsense", "a@b@c", "x" * 1000, "a\x00@example.com"]
)
@pytest.mark.parametrize("name", ["consent", "consent-proof"])
def test_what_is_no_address_is_said_at_the_field(
    as_viewer: Client, name: str, typed: str
) -> None:
    response = as_viewer.get(reverse(name), {"email": typed})

    assert response.status_code == 200
    if "\x00" not in typed:
        assert "form-error" in text_of(response)


def test_the_ledger_shows_its_newest_lines_and_those_of_an_address(
    as_viewer: Client, workspace: Workspace, owner: User
) -> None:
    imported(workspace, owner)
    for number in range(60):
        record_address(
            workspace,
            f"q{number}@example.com",
            kind=ConsentKind.GIVEN,
            source=ConsentSource.PERSON,
        )

    first = as_viewer.get(reverse("consent")).context["page"]
    second = as_viewer.get(reverse("consent"), {"cursor": first.next}).context["page"]
    mine = as_viewer.get(reverse("consent"), {"email": EMAIL}).context["page"]

    assert [row.sequence for row in first.rows] == list(range(61, 11, -1))
    assert [row.sequence for row in second.rows] == list(range(11, 0, -1))
    assert [row.sequence for row in mine.rows] == [1]


def test_law_01_a_line_of_an_import_names_its_file(
    as_viewer: Client, workspace: Workspace, owner: User
):
    """Its id says nothing to a person."""
    row = Import.objects.create(
        workspace=workspace, file_name="клиенты.csv", size=1, created_by=owner
    )
    record_one(
        make_recipient(workspace, email=EMAIL),
        kind=ConsentKind.GIVEN,
        basis=Basis.CONSENT,
        source=ConsentSource.IMPORT,
        reference=str(row.pk),
        by=owner,
    )

    ledger = text_of(as_viewer.get(reverse("consent")))
    sheet = text_of(proof(as_viewer))

    assert "клиенты.csv" in ledger
    assert str(row.pk) not in ledger
    assert "клиенты.csv" in sheet
