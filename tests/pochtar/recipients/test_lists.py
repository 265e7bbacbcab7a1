"""Make, rename and delete lists."""

from __future__ import annotations

import pytest

from pochtar.accounts.models import User, Workspace
from pochtar.base.errors import Conflict, InvalidInput, NotAllowed
from pochtar.recipients.lists import change_list, create_list, delete_list
from pochtar.recipients.models import Recipient, RecipientList
from tests.make import make_list, make_recipient

pytestmark = pytest.mark.django_db


def nobody_waits(row: RecipientList) -> list[str]:
    return []


def test_a_list_is_made_and_renamed(workspace: Workspace, editor: User) -> None:
    row = create_list(workspace, by=editor, name=" Гости ")

    change_list(row, by=editor, name="Друзья", description="Летом")

    row.refresh_from_db()
    assert (row.name, row.description) == ("Друзья", "Летом")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "name_empty"),
        ("  ", "name_empty"),
        ("a\nb", "control_character"),
        ("a" * 121, "too_long"),
        ("Гости", "list_exists"),
    ],
)
def test_a_name_that_cannot_be_taken_is_refused(
    workspace: Workspace, editor: User, name: str, code: str
) -> None:
    there = make_list(workspace, name="Гости")
    other = make_list(workspace, name="Друзья")

    for act in (
        lambda: create_list(workspace, by=editor, name=name),
        lambda: change_list(other, by=editor, name=name, description=""),
    ):
        with pytest.raises(InvalidInput) as caught:
            act()
        assert (caught.value.code, caught.value.field) == (code, "name")
        if code == "list_exists":
            assert caught.value.details["list"] == there
    assert RecipientList.objects.count() == 2


def test_a_description_has_its_limit(workspace: Workspace, editor: User) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_list(workspace, by=editor, name="Гости", description="a" * 301)

    assert caught.value.field == "description"


def test_deleting_a_list_keeps_its_recipients(
    workspace: Workspace, editor: User
) -> None:
    row = make_list(workspace, make_recipient(workspace))

    delete_list(row, by=editor, waiting_mailings=nobody_waits)

    assert not RecipientList.objects.exists()
    assert Recipient.objects.count() == 1


def test_a_list_that_a_mailing_waits_with_stays(
    workspace: Workspace, editor: User
) -> None:
    row = make_list(workspace)

    with pytest.raises(Conflict) as caught:
        delete_list(row, by=editor, waiting_mailings=lambda _row: ["Осенняя"])

    assert caught.value.details == {"mailings": ["Осенняя"]}
    assert RecipientList.objects.exists()


def test_a_viewer_changes_no_list(workspace: Workspace, viewer: User) -> None:
    row = make_list(workspace, name="Гости")

    with pytest.raises(NotAllowed):
        create_list(workspace, by=viewer, name="x")
    with pytest.raises(NotAllowed):
        change_list(row, by=viewer, name="x", description="")
    with pytest.raises(NotAllowed):
        delete_list(row, by=viewer, waiting_mailings=nobody_waits)

    assert RecipientList.objects.get().name == "Гости"
