"""What can be done with a message."""

from __future__ import annotations

import pytest

from pochtar.accounts.models import AuditEntry, User, Workspace
from pochtar.base.errors import Conflict, InvalidInput, NotAllowed
from pochtar.content.checks import Draft
from pochtar.content.models import Message
from pochtar.content.services import (
    change_message,
    create_message,
    delete_message,
    duplicate_message,
)
from tests.make import make_mailing, make_message

pytestmark = pytest.mark.django_db

NAMES = {"full_name", "email"}
DRAFT = Draft(subject=" Привет, {{ full_name }} ", html="<p>a</p>\r\n<p>b</p>\r\n")


def test_an_editor_creates_a_message(workspace: Workspace, editor: User) -> None:
    message = create_message(workspace, DRAFT, names=NAMES, by=editor)

    message.refresh_from_db()
    assert message.subject == "Привет, {{ full_name }}"
    assert message.html == "<p>a</p>\n<p>b</p>"
    assert message.created_by == editor
    assert AuditEntry.objects.filter(verb="message_created").count() == 1


def test_a_bad_message_is_not_created(workspace: Workspace, editor: User) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_message(workspace, DRAFT, names={"email"}, by=editor)

    assert caught.value.field == "subject"
    assert caught.value.details == {"line": 1, "column": 12, "name": "full_name"}
    assert not Message.objects.exists()


def test_an_editor_changes_a_message(workspace: Workspace, editor: User) -> None:
    message = make_message(workspace)
    before = message.updated_at

    change_message(message, DRAFT, names=NAMES, by=editor)

    message.refresh_from_db()
    assert message.subject == "Привет, {{ full_name }}"
    assert message.updated_at > before


def test_a_deleted_message_cannot_be_changed(
    workspace: Workspace, editor: User
) -> None:
    message = make_message(workspace)
    Message.objects.all().delete()

    with pytest.raises(Conflict) as caught:
        change_message(message, DRAFT, names=NAMES, by=editor)

    assert caught.value.code == "message_gone"


def test_a_copy_says_the_same(workspace: Workspace, editor: User) -> None:
    """No "(copy)" in the subject: people would get it."""
    message = make_message(workspace, preheader="До пятницы", text="Привет")

    copy = duplicate_message(message, by=editor)

    assert copy.pk != message.pk
    for name in ("subject", "preheader", "html", "text"):
        assert getattr(copy, name) == getattr(message, name)


def test_an_unused_message_can_be_deleted(workspace: Workspace, editor: User) -> None:
    delete_message(make_message(workspace), by=editor)

    assert not Message.objects.exists()
    assert AuditEntry.objects.get().details == {"title": "Осенние новинки"}


def test_a_message_in_use_stays(workspace: Workspace, editor: User) -> None:
    message = make_mailing(workspace).message

    with pytest.raises(Conflict) as caught:
        delete_message(message, by=editor)

    assert caught.value.code == "message_in_use"
    assert caught.value.details == {"mailings": 1}
    assert not AuditEntry.objects.exists()


def test_a_viewer_and_a_stranger_change_nothing(
    workspace: Workspace, viewer: User, stranger: User
) -> None:
    message = make_message(workspace)

    for user in (viewer, stranger):
        for forbidden in (
            lambda user=user: create_message(workspace, DRAFT, names=NAMES, by=user),
            lambda user=user: change_message(message, DRAFT, names=NAMES, by=user),
            lambda user=user: duplicate_message(message, by=user),
            lambda user=user: delete_message(message, by=user),
        ):
            with pytest.raises(NotAllowed):
                forbidden()
    assert Message.objects.get() == message


def test_a_subject_is_found_whatever_the_case(workspace: Workspace) -> None:
    make_message(workspace, subject="Ёлка (и другие)")

    assert Message.objects.matching("ёЛКА (И").count() == 1
    assert Message.objects.matching("елка.").count() == 0
