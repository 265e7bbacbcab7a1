"""Many recipients at once: ask first, then do it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from pochtar.accounts.models import Workspace
from pochtar.recipients.models import Recipient, RecipientList
from tests.make import make_list, make_recipient

pytestmark = pytest.mark.django_db

URL = "/recipients/bulk/"


def text_of(response):
    return response.content.decode()


@pytest.fixture
def three(workspace: Workspace) -> list[Recipient]:
    return [
        make_recipient(workspace, f"{name}@example.com", full_name=name)
        for name in ("anna", "boris", "vera")
    ]


def test_deleting_many_says_how_many_and_then_does_it(
    as_editor: Client, three: list[Recipient]
) -> None:
    wish = {"action": "delete", "pick": [str(row.pk) for row in three[:2]]}

    question = text_of(as_editor.get(URL, wish))

    assert "2" in question
    assert "boris@example.com" in question
    assert Recipient.objects.count() == 3
    assert as_editor.post(URL, wish)["Location"] == reverse("recipients")
    assert list(Recipient.objects.all()) == [three[2]]


def test_a_second_click_deletes_nobody_else(
    as_editor: Client, three: list[Recipient]
) -> None:
    wish = {"action": "delete", "pick": [str(three[0].pk)]}

    for _click in range(2):
        assert as_editor.post(URL, wish).status_code == 302

    assert Recipient.objects.count() == 2
    assert as_editor.get(URL, wish).status_code == 200  # "nobody is chosen"


def test_all_that_a_search_finds_are_deleted_and_nobody_else(
    as_editor: Client, three: list[Recipient]
) -> None:
    wish = {"action": "delete", "q": "anna", "everybody": "1"}

    assert "anna@example.com" in text_of(as_editor.get(URL, wish))
    as_editor.post(URL, wish)

    assert list(Recipient.objects.order_by("pk")) == three[1:]


def test_many_are_added_to_a_list_that_is_there(
    as_editor: Client, workspace: Workspace, three: list[Recipient]
) -> None:
    row = make_list(workspace, three[0])
    picked = [str(one.pk) for one in three]

    as_editor.post(URL, {"action": "add", "pick": picked, "to": str(row.pk)})
    as_editor.post(URL, {"action": "add", "pick": picked, "to": str(row.pk)})

    assert row.recipients.count() == 3


def test_many_are_added_to_a_list_that_is_made_for_them(
    as_editor: Client, three: list[Recipient]
) -> None:
    wish = {"action": "add", "everybody": "1", "new_name": "Гости"}

    as_editor.post(URL, wish)

    assert RecipientList.objects.get(name="Гости").recipients.count() == 3


@pytest.mark.parametrize("data", [{}, {"new_name": "Гости"}])
def test_no_list_or_a_name_that_is_taken_is_a_field_error(
    as_editor: Client, workspace: Workspace, three: list[Recipient], data
) -> None:
    make_list(workspace, name="Гости")

    response = as_editor.post(URL, {"action": "add", "everybody": "1", **data})

    assert response.status_code == 422
    assert "form-error" in text_of(response)


def test_many_are_removed_from_a_list_and_stay_recipients(
    as_editor: Client, workspace: Workspace, three: list[Recipient]
) -> None:
    row = make_list(workspace, *three)
    wish = {
        "action": "remove",
        "pick": [str(three[0].pk)],
        "out_of": str(row.pk),
        "list": str(row.pk),
        "from": "list",
    }

    response = as_editor.post(URL, wish)

    assert response["Location"] == reverse("list", args=[row.pk])
    assert list(row.recipients.order_by("pk")) == three[1:]
    assert Recipient.objects.count() == 3


def test_nobody_ticked_is_said(as_editor: Client, three: list[Recipient]) -> None:
    response = as_editor.get(URL, {"action": "delete"}, follow=True)

    assert "alert-warning" in text_of(response)


@pytest.mark.parametrize("wish", [{}, {"action": "format"}])
def test_an_unknown_action_goes_back(as_editor: Client, wish: dict[str, str]) -> None:
    assert as_editor.get(URL, wish)["Location"] == reverse("recipients")


def test_sec_01_foreign_recipients_and_lists_stay_untouched(
    as_stranger: Client, workspace: Workspace, three: list[Recipient]
) -> None:
    row = make_list(workspace, *three)
    picked = [str(one.pk) for one in three]

    as_stranger.post(URL, {"action": "delete", "pick": picked})
    response = as_stranger.post(
        URL, {"action": "remove", "pick": picked, "out_of": str(row.pk)}
    )
    as_stranger.post(URL, {"action": "delete", "everybody": "1", "list": str(row.pk)})

    assert response.status_code == 422
    assert row.recipients.count() == 3
