"""The pages of lists."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from pochtar.accounts.models import Workspace
from pochtar.mailings.models import AudienceKind
from pochtar.recipients.models import Recipient, RecipientList
from tests.make import make_list, make_mailing, make_recipient

pytestmark = pytest.mark.django_db


def text_of(response):
    return response.content.decode()


def test_an_empty_workspace_is_told_what_a_list_is_for(as_editor: Client) -> None:
    assert reverse("list-add") in text_of(as_editor.get(reverse("lists")))


def test_an_editor_makes_a_list(as_editor: Client, workspace: Workspace) -> None:
    response = as_editor.post(
        reverse("list-add"), {"name": "Гости", "description": "Летний вечер"}
    )

    row = RecipientList.objects.get(workspace=workspace)
    assert response["Location"] == reverse("list", args=[row.pk])
    assert (row.name, row.description) == ("Гости", "Летний вечер")


@pytest.mark.parametrize("name", ["", "  ", "Гости", "я" * 121, "a\r\nb", "a\x00"])
def test_a_bad_or_taken_name_is_a_field_error(
    as_editor: Client, workspace: Workspace, name: str
) -> None:
    make_list(workspace, name="Гости")

    response = as_editor.post(reverse("list-add"), {"name": name})

    assert response.status_code == 422
    assert 'id="id_name_error"' in text_of(response)
    assert RecipientList.objects.count() == 1


def test_an_editor_renames_a_list(as_editor: Client, workspace: Workspace) -> None:
    row = make_list(workspace, name="Гости")

    as_editor.post(reverse("list-edit", args=[row.pk]), {"name": "Друзья"})
    as_editor.post(reverse("list-edit", args=[row.pk]), {"name": "Друзья"})

    row.refresh_from_db()
    assert row.name == "Друзья"


def test_the_pages_count_the_members(as_viewer: Client, workspace: Workspace) -> None:
    row = make_list(workspace, *(make_recipient(workspace) for _ in range(3)))

    lists = as_viewer.get(reverse("lists"))
    page = as_viewer.get(reverse("list", args=[row.pk]))

    assert [members.number for _row, members in lists.context["rows"]] == [3]
    assert page.context["found"].total.number == 3
    assert all(one.email in text_of(page) for one in row.recipients.all())


def test_a_picker_finds_lists_in_any_case(
    as_viewer: Client, workspace: Workspace
) -> None:
    row = make_list(workspace, name="Гости")
    make_list(workspace, name="Партнёры")

    answer = as_viewer.get(reverse("lists-search"), {"q": "ГОС"}).json()

    assert answer["results"] == [
        {"id": str(row.pk), "value": str(row.pk), "text": "Гости"}
    ]


def test_recipients_are_found_ticked_and_added(
    as_editor: Client, workspace: Workspace
) -> None:
    row = make_list(workspace)
    anna = make_recipient(workspace, "anna@example.com")
    make_recipient(workspace, "boris@example.com")
    url = reverse("list-pick", args=[row.pk])

    page = text_of(as_editor.get(url, {"q": "anna"}))
    assert str(anna.pk) in page
    assert "boris" not in page
    for _click in range(2):
        response = as_editor.post(f"{url}?q=anna", {"pick": [str(anna.pk)]})
    assert response["Location"] == f"{url}?q=anna"

    assert list(row.recipients.all()) == [anna]


def test_adding_nobody_is_said(as_editor: Client, workspace: Workspace) -> None:
    row = make_list(workspace)
    url = reverse("list-pick", args=[row.pk])

    assert "alert-warning" in text_of(as_editor.post(url, follow=True))


def test_deleting_a_list_asks_first_and_keeps_its_recipients(
    as_editor: Client, workspace: Workspace
) -> None:
    row = make_list(workspace, make_recipient(workspace))
    url = reverse("list-delete", args=[row.pk])

    assert as_editor.get(url).status_code == 200
    assert RecipientList.objects.exists()
    assert as_editor.post(url)["Location"] == reverse("lists")

    assert not RecipientList.objects.exists()
    assert Recipient.objects.count() == 1
    assert as_editor.post(url).status_code == 404


def test_a_list_that_a_mailing_waits_with_cannot_be_deleted(
    as_editor: Client, workspace: Workspace
) -> None:
    row = make_list(workspace)
    mailing = make_mailing(workspace, name="Осенняя", audience=AudienceKind.LISTS)
    mailing.lists.add(row)
    url = reverse("list-delete", args=[row.pk])

    page = text_of(as_editor.post(url, follow=True))

    assert "Осенняя" in page
    assert RecipientList.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("verb", ["add", "edit", "delete", "pick"])
def test_a_viewer_cannot_change_lists(
    as_viewer: Client, workspace: Workspace, method: str, verb: str
) -> None:
    row = make_list(workspace)
    url = reverse(f"list-{verb}", args=[] if verb == "add" else [row.pk])

    assert getattr(as_viewer, method)(url).status_code == 403
    assert RecipientList.objects.count() == 1


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("verb", ["edit", "delete", "pick"])
def test_sec_01_a_stranger_finds_no_list(
    as_stranger: Client, workspace: Workspace, method: str, verb: str
) -> None:
    row = make_list(workspace, name="Наши гости")

    url = reverse(f"list-{verb}", args=[row.pk])
    assert getattr(as_stranger, method)(url).status_code == 404
    assert as_stranger.get(reverse("list", args=[row.pk])).status_code == 404
    assert "Наши гости" not in text_of(as_stranger.get(reverse("lists")))
    assert as_stranger.get(reverse("lists-search")).json() == {"results": []}


def test_reading_pages_take_no_other_method(
    as_editor: Client, workspace: Workspace
) -> None:
    row = make_list(workspace)
    urls = [reverse("lists"), reverse("lists-search")]
    urls += [reverse("list", args=[row.pk])]

    assert {as_editor.post(url).status_code for url in urls} == {405}
    assert as_editor.put(reverse("list-add")).status_code == 405
