from __future__ import annotations

import pytest
from django.utils import timezone

from pochtar.accounts.models import AuditEntry, User, Workspace
from pochtar.base.errors import NotAllowed
from pochtar.sandbox.credentials import sandbox_username
from pochtar.sandbox.models import CapturedMessage
from pochtar.sandbox.services import (
    Arrival,
    delete_letter,
    empty_sandbox,
    empty_system_sandbox,
    prune_letters,
    store_letters,
)
from pochtar.sandbox.tasks import prune
from tests.make import make_captured, make_user, make_workspace
from tests.pochtar.sandbox.running import client_of, running_sandbox


def arrival(workspace: Workspace | None, *rcpt_to: str, raw: bytes = b"") -> Arrival:
    return Arrival(
        workspace_id=workspace.pk if workspace else None,
        mail_from="News@Shop.example",
        rcpt_to=rcpt_to,
        raw=raw or "Subject: Привет\r\n\r\nТекст".encode(),
        received_at=timezone.now(),
    )


def test_a_letter_to_two_people_is_kept_for_each(workspace: Workspace):
    store_letters([arrival(workspace, "a@b.example", "c@d.example")])

    rows = CapturedMessage.objects.of(workspace).order_by("rcpt_to")
    assert [row.rcpt_to for row in rows] == ["a@b.example", "c@d.example"]
    assert rows[0].subject == "Привет"
    assert rows[0].size == len(bytes(rows[0].raw))


def test_letters_are_found_by_words_of_address_and_subject(workspace: Workspace):
    store_letters([arrival(workspace, "Anna@Mail.example")])

    found = CapturedMessage.objects.of(workspace)
    assert found.search("ПРИВЕТ anna@mail").count() == 1
    assert found.search("привет boris").count() == 0
    assert found.sent_to("anna@mail.EXAMPLE").count() == 1


def test_what_no_database_can_hold_is_mended(db: None):
    raw = (
        b"Subject: =?utf-8?Q?NUL=00?= \xff\r\nMessage-ID: "
        + b"x" * 900
        + b"\r\n\r\n\x00"
    )

    store_letters([arrival(None, "a\udcff@b.example", raw=raw)])

    row = CapturedMessage.objects.of_system().get()
    assert "\x00" not in row.subject
    assert bytes(row.raw) == raw


def test_a_person_sees_the_letters_of_their_own_workspace_only(
    workspace: Workspace, owner: User, stranger: User
):
    make_captured(workspace)
    make_captured(None)

    assert CapturedMessage.objects.visible_to(owner).count() == 1
    assert CapturedMessage.objects.visible_to(stranger).count() == 0


def test_staff_see_the_systems_letters_and_no_foreign_ones(workspace: Workspace):
    staff = make_user(is_staff=True)
    make_captured(workspace)
    system = make_captured(None)

    assert list(CapturedMessage.objects.visible_to(staff)) == [system]
    assert list(CapturedMessage.objects.editable_by(staff)) == [system]


def test_a_manager_empties_the_sandbox_of_one_workspace(
    workspace: Workspace, manager: User
):
    make_captured(workspace)
    other = make_captured(make_workspace())

    assert empty_sandbox(workspace, by=manager) == 1

    assert list(CapturedMessage.objects.all()) == [other]
    assert AuditEntry.objects.get(verb="sandbox_emptied").details == {"letters": 1}


def test_an_editor_neither_empties_nor_deletes(workspace: Workspace, editor: User):
    letter = make_captured(workspace)

    with pytest.raises(NotAllowed):
        empty_sandbox(workspace, by=editor)
    with pytest.raises(NotAllowed):
        delete_letter(letter, by=editor)

    assert CapturedMessage.objects.count() == 1


def test_the_systems_letters_are_deleted_by_staff_only(owner: User):
    letter = make_captured(None)
    with pytest.raises(NotAllowed):
        delete_letter(letter, by=owner)
    with pytest.raises(NotAllowed):
        empty_system_sandbox(by=owner)
    staff = make_user(is_staff=True)

    delete_letter(letter, by=staff)
    make_captured(None)

    assert empty_system_sandbox(by=staff) == 1


def test_pruning_keeps_the_newest_of_each(workspace: Workspace, settings):
    pks = sorted(make_captured(workspace).pk for _ in range(5))
    system = make_captured(None)
    settings.SANDBOX_KEEP_LETTERS = 2

    assert prune() == 3

    kept = CapturedMessage.objects.of(workspace).order_by("pk")
    assert [row.pk for row in kept] == pks[3:]
    assert CapturedMessage.objects.of_system().get() == system
    assert prune_letters(keep=0) == 3


@pytest.mark.django_db(transaction=True)
def test_letters_come_over_smtp_into_their_workspace():
    mine, other = make_workspace(), make_workspace()
    with (
        running_sandbox() as address,
        client_of(address, sandbox_username(mine.pk)) as client,
    ):
        for number in range(3):
            client.sendmail(
                "a@b.example", [f"r{number}@d.example"], b"Subject: x\r\n\r\n"
            )
        # The answer was 250, so the row is there already.
        assert CapturedMessage.objects.of(mine).count() == 3

    assert CapturedMessage.objects.of(other).count() == 0
