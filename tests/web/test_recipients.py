"""The pages of recipients."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pochtar.accounts.models import Workspace
from pochtar.delivery.models import Attempt, Delivery, Run
from pochtar.mailings.models import MailingStatus
from pochtar.recipients.models import Attribute, Recipient
from tests.make import make_list, make_mailing, make_recipient, make_relay

pytestmark = pytest.mark.django_db

MANAGEMENT = {"attributes-TOTAL_FORMS": "2", "attributes-INITIAL_FORMS": "0"}


def typed(email: str, **over: str) -> dict[str, str]:
    return {
        "email": email,
        "full_name": "",
        "basis": "consent",
        "comment": "",
        **MANAGEMENT,
        **over,
    }


def text_of(response):
    return response.content.decode()


def test_an_empty_workspace_is_told_what_to_do_next(as_editor: Client) -> None:
    page = text_of(as_editor.get(reverse("recipients")))

    assert reverse("recipient-add") in page


def test_an_editor_adds_a_recipient_with_attributes(
    as_editor: Client, workspace: Workspace
) -> None:
    row = {"attributes-0-key": "город", "attributes-0-value": "Тверь"}
    response = as_editor.post(
        reverse("recipient-add"),
        typed("Anna@example.com", full_name="Анна Ёлкина", **row),
    )

    recipient = Recipient.objects.get(workspace=workspace)
    assert response["Location"] == reverse("recipient", args=[recipient.pk])
    assert (recipient.email, recipient.email_key) == (
        "Anna@example.com",
        "anna@example.com",
    )
    assert recipient.attributes == {"город": "Тверь"}
    assert Attribute.objects.get(workspace=workspace).key == "город"


def test_a_duplicate_is_refused_with_a_link_to_the_one_that_is_there(
    as_editor: Client, workspace: Workspace
) -> None:
    there = make_recipient(workspace, "anna@example.com")

    response = as_editor.post(reverse("recipient-add"), typed("ANNA@Example.com"))

    page = text_of(response)
    assert response.status_code == 422
    assert f'href="{reverse("recipient", args=[there.pk])}"' in page
    assert 'value="ANNA@Example.com"' in page
    assert Recipient.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "marked"),
    [
        ({"email": ""}, "id_email_error"),
        ({"email": "anna"}, "id_email_error"),
        ({"email": "anna@"}, "id_email_error"),
        ({"email": "a@b.example\r\nBcc: x@y.example"}, "id_email_error"),
        ({"full_name": "Анна\r\nBcc: x@y.example"}, "id_full_name_error"),
        ({"full_name": "Анна\u2028Bcc"}, "id_full_name_error"),
        ({"full_name": "Анна\x00"}, "id_full_name_error"),
        ({"full_name": "я" * 201}, "id_full_name_error"),
        ({"comment": "я" * 2001}, "id_comment_error"),
        (
            {"attributes-0-key": "1 город", "attributes-0-value": "Тверь"},
            "id_attributes-0-key_error",
        ),
        (
            {"attributes-0-key": "email", "attributes-0-value": "Тверь"},
            "id_attributes-0-key_error",
        ),
        ({"attributes-0-value": "Тверь"}, "id_attributes-0-key_error"),
        (
            {"attributes-1-key": "город", "attributes-1-value": "Тверь\nBcc: x"},
            "id_attributes-1-value_error",
        ),
        (
            {"attributes-1-key": "город", "attributes-1-value": "я" * 501},
            "id_attributes-1-value_error",
        ),
    ],
)
def test_msg_20_what_cannot_be_stored_is_an_error_at_its_field(
    as_editor: Client, data: dict[str, str], marked: str
) -> None:
    response = as_editor.post(
        reverse("recipient-add"), {**typed("anna@example.com"), **data}
    )

    assert response.status_code == 422
    assert f'id="{marked}"' in text_of(response)
    assert not Recipient.objects.exists()


def test_a_ten_megabyte_paste_gets_a_field_error(as_editor: Client) -> None:
    response = as_editor.post(
        reverse("recipient-add"), typed("a@example.com", comment="x" * 10_000_000)
    )

    assert response.status_code == 422
    assert 'id="id_comment_error"' in text_of(response)


def test_the_same_attribute_twice_is_refused(as_editor: Client) -> None:
    rows = {f"attributes-{n}-key": "city" for n in range(2)}
    rows |= {f"attributes-{n}-value": f"value {n}" for n in range(2)}

    response = as_editor.post(reverse("recipient-add"), typed("a@example.com", **rows))

    assert 'id="id_attributes-1-key_error"' in text_of(response)
    assert not Recipient.objects.exists()


def test_more_rows_come_without_a_script_and_keep_what_was_typed(
    as_editor: Client,
) -> None:
    row = {"attributes-0-key": "город", "attributes-0-value": "Тверь"}
    response = as_editor.post(
        reverse("recipient-add"), typed("not yet an address", more="1", **row)
    )

    page = text_of(response)
    assert response.status_code == 200
    assert 'value="not yet an address"' in page
    assert 'value="Тверь"' in page
    assert 'name="attributes-3-key"' in page
    assert "_error" not in page
    assert not Recipient.objects.exists()


def test_an_editor_changes_a_recipient_and_an_emptied_attribute_goes(
    as_editor: Client, workspace: Workspace
) -> None:
    row = make_recipient(workspace, attributes={"city": "Тверь", "cat": "Мурка"})
    rows = {
        "attributes-0-key": "city",
        "attributes-0-value": "",
        "attributes-1-key": "cat",
        "attributes-1-value": "Барсик",
        "attributes-INITIAL_FORMS": "2",
    }

    as_editor.post(
        reverse("recipient-edit", args=[row.pk]),
        {**typed("new@example.com", full_name="Ольга"), **rows},
    )

    row.refresh_from_db()
    assert (row.email, row.full_name) == ("new@example.com", "Ольга")
    assert row.attributes == {"cat": "Барсик"}


def test_the_page_of_a_recipient_shows_the_history_with_replies(
    as_viewer: Client, workspace: Workspace, make_attempt
) -> None:
    recipient = make_recipient(workspace, comment="Любит чай", attributes={"cat": "Я"})
    make_list(workspace, recipient, name="Гости")
    make_attempt(recipient, code=550, reply="no such user here")

    page = text_of(as_viewer.get(reverse("recipient", args=[recipient.pk])))

    for part in ("Любит чай", "Гости", "no such user here", "550", "Осенняя"):
        assert part in page


@pytest.fixture
def make_attempt(workspace: Workspace):
    def make(recipient: Recipient, **over) -> Attempt:
        run = Run.objects.create(
            workspace=workspace,
            subject="Осень",
            from_email="a@b.example",
            relay=make_relay(workspace),
        )
        make_mailing(workspace, name="Осенняя", run=run, status=MailingStatus.RUNNING)
        delivery = Delivery.objects.create(
            run=run, position=1, recipient=recipient, email=recipient.email
        )
        return Attempt.objects.create(
            workspace=workspace,
            run=run,
            delivery=delivery,
            outcome="failed",
            at=timezone.now(),
            **over,
        )

    return make


def test_deleting_asks_first_and_keeps_the_delivery_with_its_address(
    as_editor: Client, workspace: Workspace, make_attempt
) -> None:
    recipient = make_recipient(workspace, "anna@example.com")
    attempt = make_attempt(recipient)
    url = reverse("recipient-delete", args=[recipient.pk])

    assert as_editor.get(url).status_code == 200
    assert Recipient.objects.exists()
    assert as_editor.post(url)["Location"] == reverse("recipients")

    attempt.delivery.refresh_from_db()
    assert attempt.delivery.recipient_id is None
    assert attempt.delivery.email == "anna@example.com"
    assert as_editor.post(url).status_code == 404  # a second click finds nobody


@pytest.mark.parametrize(
    "query", ["anna", "ANNA@EXAMPLE.COM", "ёлк", "ЕЛК", "анна ёлк", "example.com"]
)
def test_a_search_finds_by_any_word_of_the_name_and_by_the_address(
    as_viewer: Client, workspace: Workspace, query: str
) -> None:
    make_recipient(workspace, "anna@example.com", full_name="Анна Ёлкина")
    make_recipient(workspace, "boris@lavka.example", full_name="Борис")

    page = text_of(as_viewer.get(reverse("recipients"), {"q": query}))

    assert "anna@example.com" in page
    assert "boris@lavka.example" not in page


@pytest.mark.parametrize("query", ["%", "_", "\x00", "\ud7ff'", "я" * 300, ", ."])
def test_a_strange_search_is_no_error(
    as_viewer: Client, workspace: Workspace, query: str
) -> None:
    make_recipient(workspace)

    assert as_viewer.get(reverse("recipients"), {"q": query}).status_code == 200


def test_a_script_gets_the_table_alone(as_viewer: Client, workspace: Workspace) -> None:
    make_recipient(workspace)

    response = as_viewer.get(reverse("recipients"), headers={"HX-Request": "true"})

    assert text_of(response).lstrip().startswith('<div id="found">')
    assert "HX-Request" in response["Vary"]


def test_the_table_is_sorted_both_ways(as_viewer: Client, workspace: Workspace) -> None:
    for name in ("Вера", "Анна", "Борис"):
        make_recipient(workspace, full_name=name)

    for sort, names in (("name", "АБВ"), ("-name", "ВБА"), ("nonsense", "БАВ")):
        page = text_of(as_viewer.get(reverse("recipients"), {"sort": sort}))
        places = {name[0]: page.index(name) for name in ("Вера", "Анна", "Борис")}
        assert "".join(sorted(places, key=lambda name: places[name])) == names


def test_a_list_narrows_the_table(as_viewer: Client, workspace: Workspace) -> None:
    inside = make_recipient(workspace, "in@example.com")
    make_recipient(workspace, "out@example.com")
    row = make_list(workspace, inside)

    page = text_of(as_viewer.get(reverse("recipients"), {"list": str(row.pk)}))

    assert "in@example.com" in page
    assert "out@example.com" not in page


def test_a_picker_gets_the_first_few(
    as_viewer: Client, workspace: Workspace, stranger
) -> None:
    mine = make_recipient(workspace, "anna@example.com", full_name="Анна")
    make_recipient(stranger.workspaces.get(), "anna@other.example", full_name="Анна")

    answer = as_viewer.get(reverse("recipients-search"), {"q": "анн"}).json()

    assert answer["results"] == [
        {
            "id": str(mine.pk),
            "value": str(mine.pk),
            "text": "Анна <anna@example.com>",
            "name": "Анна",
            "email": "anna@example.com",
        }
    ]


def test_a_viewer_reads_but_is_not_offered_changes(
    as_viewer: Client, workspace: Workspace
) -> None:
    row = make_recipient(workspace)

    for url in (reverse("recipients"), reverse("recipient", args=[row.pk])):
        page = text_of(as_viewer.get(url))
        assert row.email in page
        assert "/edit/" not in page
        assert "/bulk/?" not in page
        assert reverse("recipient-add") not in page


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_viewer_cannot_change_anything(
    as_viewer: Client, workspace: Workspace, method: str
) -> None:
    row = make_recipient(workspace)
    urls = [reverse("recipient-add"), reverse("recipients-bulk")]
    urls += [reverse(f"recipient-{verb}", args=[row.pk]) for verb in ("edit", "delete")]

    assert {getattr(as_viewer, method)(url).status_code for url in urls} == {403}
    assert Recipient.objects.count() == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_sec_01_a_stranger_finds_nothing(
    as_stranger: Client, workspace: Workspace, method: str
) -> None:
    row = make_recipient(workspace)
    names = ("recipient-edit", "recipient-delete")
    urls = [reverse(name, args=[row.pk]) for name in names]
    if method == "get":
        urls.append(reverse("recipient", args=[row.pk]))

    assert {getattr(as_stranger, method)(url).status_code for url in urls} == {404}
    assert row.email not in text_of(as_stranger.get(reverse("recipients")))


def test_a_visitor_is_asked_to_log_in(client: Client, workspace: Workspace) -> None:
    row = make_recipient(workspace)

    for url in (reverse("recipients"), reverse("recipient", args=[row.pk])):
        assert client.get(url).status_code == 302


def test_reading_pages_take_no_other_method(
    as_editor: Client, workspace: Workspace
) -> None:
    row = make_recipient(workspace)
    urls = [reverse("recipients"), reverse("recipients-search")]
    urls += [reverse("recipient", args=[row.pk])]

    assert {as_editor.post(url).status_code for url in urls} == {405}
    assert as_editor.delete(reverse("recipient-add")).status_code == 405


def test_the_way_back_from_a_question_is_a_word_and_not_an_address(
    as_editor: Client, workspace: Workspace
) -> None:
    # It was once called as the page's own variable, and showed that.
    url = reverse("recipient-delete", args=[make_recipient(workspace).pk])

    page = text_of(as_editor.get(url))

    assert "data-cancel>Отмена</a>" in page
