"""The form of a mailing, and what is wrong in it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from pochtar.mailings.models import Mailing
from tests.make import (
    make_list,
    make_mailing,
    make_message,
    make_recipient,
    make_sender,
    make_workspace,
)
from tests.web.mailings import filled, launched, url

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _english(
    as_owner: Client, as_editor: Client, as_manager: Client, as_viewer: Client
):
    for client in (as_owner, as_editor, as_manager, as_viewer):
        client.cookies["django_language"] = "en"


def test_an_editor_writes_a_mailing_to_lists(as_editor, workspace):
    chosen = make_list(workspace, make_recipient(workspace))
    start = "2030-01-02T10:30"

    answer = as_editor.post(
        reverse("mailing-add"),
        filled(workspace, audience="lists", lists=[chosen.pk], start_at=start),
    )

    mailing = Mailing.objects.get()
    assert answer.url == url("mailing", mailing)
    assert mailing.name == mailing.message.subject
    assert list(mailing.lists.all()) == [chosen]
    # Moscow time: the workspace's own zone.
    assert mailing.start_at == dt.datetime(2030, 1, 2, 7, 30, tzinfo=dt.UTC)


def test_people_are_picked_by_search_and_by_address(as_editor, workspace):
    anna = make_recipient(workspace, "anna@example.com")
    boris = make_recipient(workspace, "boris@example.com")
    make_recipient(workspace)

    as_editor.post(
        reverse("mailing-add"),
        filled(
            workspace,
            audience="picked",
            picked=[anna.pk],
            addresses="Boris <BORIS@example.com>, anna@example.com;\n\n",
        ),
    )

    assert set(Mailing.objects.get().picked.all()) == {anna, boris}


def test_an_address_that_is_no_recipient_is_named_and_kept(as_editor, workspace):
    make_recipient(make_workspace(), "foreign@example.com")
    text = "foreign@example.com\nnonsense"

    answer = as_editor.post(
        reverse("mailing-add"), filled(workspace, audience="picked", addresses=text)
    )

    errors = answer.context["form"].errors["addresses"]
    assert errors == ["Not among your recipients: foreign@example.com, nonsense."]
    assert text in answer.content.decode()
    assert not Mailing.objects.exists()


def test_of_many_unknown_addresses_a_few_are_named(as_editor, workspace):
    text = "\n".join(f"p{number}@example.com" for number in range(700))

    answer = as_editor.post(
        reverse("mailing-add"), filled(workspace, audience="picked", addresses=text)
    )

    assert "and 695 more" in answer.context["form"].errors["addresses"][0]


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"audience": "lists"}, "lists"),
        ({"audience": "picked"}, "picked"),
        ({"audience": "nonsense"}, "audience"),
        ({"message": ""}, "message"),
        ({"start_at": "nonsense"}, "start_at"),
        ({"start_at": "2030-01-02T10:00", "stop_at": "2030-01-02T09:00"}, "stop_at"),
        ({"name": "x" * 201}, "name"),
        ({"lists": ["not-an-id"]}, "lists"),
        ({"picked": ["not-an-id"]}, "picked"),
        ({"audience": "picked", "addresses": "x" * 1_000_001}, "addresses"),
    ],
)
def test_bad_input_gets_an_error_at_its_field(as_editor, workspace, over, field):
    answer = as_editor.post(reverse("mailing-add"), filled(workspace, **over))

    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert not Mailing.objects.exists()


def test_every_mistake_is_shown_at_once(as_editor, workspace):
    answer = as_editor.post(
        reverse("mailing-add"),
        filled(
            workspace,
            audience="picked",
            addresses="nobody@example.com",
            start_at="2030-01-02T10:00",
            stop_at="2030-01-02T09:00",
        ),
    )

    assert list(answer.context["form"].errors) == ["addresses", "stop_at"]


def test_addresses_that_are_out_of_sight_are_no_mistake(as_editor, workspace):
    as_editor.post(reverse("mailing-add"), filled(workspace, addresses="nonsense"))

    assert Mailing.objects.get().audience == "everybody"


@pytest.mark.parametrize("field", ["message", "sender", "lists", "picked"])
def test_sec_01_a_foreign_row_cannot_be_chosen(as_editor, workspace, field):
    other = make_workspace()
    rows = {
        "message": make_message,
        "sender": make_sender,
        "lists": make_list,
        "picked": make_recipient,
    }

    answer = as_editor.post(
        reverse("mailing-add"), filled(workspace, **{field: rows[field](other).pk})
    )

    assert list(answer.context["form"].errors) == [field]


def test_without_a_message_the_form_says_to_write_one(as_editor):
    page = as_editor.get(reverse("mailing-add")).content.decode()

    assert reverse("message-add") in page


def test_a_link_may_choose_message_and_lists(as_editor, workspace):
    message, chosen = make_message(workspace), make_list(workspace)

    page = as_editor.get(
        reverse("mailing-add"), {"message": message.pk, "list": chosen.pk}
    ).content.decode()

    assert f'value="{message.pk}" selected' in page
    # The kind of audience, the list, and the careful start.
    assert page.count("checked") == 3


@pytest.mark.parametrize(("audience", "count"), [("everybody", 3), ("lists", 1)])
def test_the_number_of_recipients_is_shown_before_saving(
    as_editor, workspace, audience, count
):
    people = [make_recipient(workspace) for _ in range(3)]
    chosen = make_list(workspace, people[0])
    fields = {"audience": audience, "lists": [chosen.pk]}

    live = as_editor.post(reverse("mailing-count"), fields).content.decode()
    make_message(workspace)
    plain = as_editor.post(reverse("mailing-add"), {**fields, "count": "1"})

    assert f"<strong>{count}</strong>" in live
    assert f"<strong>{count}</strong>" in plain.content.decode()
    assert plain.context["form"].errors == {}
    assert not Mailing.objects.exists()


def test_a_mailing_is_edited_with_what_it_had_in_the_form(as_editor, workspace):
    person = make_recipient(workspace)
    mailing = make_mailing(workspace, audience="picked", name="Before")
    mailing.picked.set([person])

    page = as_editor.get(url("mailing-edit", mailing)).content.decode()
    assert str(person.pk) in page

    as_editor.post(
        url("mailing-edit", mailing),
        filled(workspace, name="After", audience="picked", picked=[person.pk]),
    )
    mailing.refresh_from_db()
    assert mailing.name == "After"


def test_many_picked_people_come_as_a_text_of_addresses(as_editor, workspace):
    mailing = make_mailing(workspace, audience="picked")
    mailing.picked.set([make_recipient(workspace) for _ in range(201)])

    form = as_editor.get(url("mailing-edit", mailing)).context["form"]

    assert len(form.initial["addresses"].splitlines()) == 201
    assert form.initial["picked"] == []


def test_a_launched_mailing_is_neither_edited_nor_offered_for_it(as_editor, workspace):
    mailing = launched(workspace, name="Before")

    page = as_editor.get(url("mailing", mailing)).content.decode()
    answer = as_editor.post(
        url("mailing-edit", mailing), filled(workspace, name="After")
    )

    assert url("mailing-edit", mailing) not in page
    assert answer.status_code == 409
    assert "cannot be changed any more" in answer.content.decode()
    assert Mailing.objects.get().name == "Before"
