"""SEC-02: an id of another workspace in a form or a query reaches nothing."""

from __future__ import annotations

import pytest
from django.urls import reverse

from pochtar.accounts.models import User, Workspace
from pochtar.content.models import Message
from pochtar.delivery.models import Sender
from pochtar.mailings.models import AudienceKind, Mailing
from pochtar.recipients.models import Recipient, RecipientList, Segment
from tests.make import (
    make_list,
    make_mailing,
    make_message,
    make_recipient,
    make_relay,
    make_sender,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def foreign(stranger: User) -> Workspace:
    return Workspace.objects.visible_to(stranger).get()


@pytest.mark.parametrize(
    "field",
    [
        *("message", "sender", "lists", "picked", "segments"),
        *("exclude_lists", "exclude_segments", "exclude_mailings"),
    ],
)
def test_a_mailing_takes_nothing_from_another_workspace(
    as_owner, workspace, foreign, field
):
    person = make_recipient(foreign, "secret@example.com")
    rule = {"field": "email", "op": "contains", "value": "@"}
    segment = Segment.objects.create(workspace=foreign, name="СЕКРЕТ", rule=rule)
    theirs = {
        "message": make_message(foreign),
        "sender": make_sender(foreign),
        "lists": make_list(foreign, person),
        "picked": person,
        "segments": segment,
        "exclude_lists": make_list(foreign, person),
        "exclude_segments": segment,
        "exclude_mailings": make_mailing(foreign, name="СЕКРЕТ"),
    }
    own = {
        "name": "Наша",
        "message": str(make_message(workspace).pk),
        "sender": str(make_sender(workspace).pk),
        "audience": _audience_of(field),
    }

    for address in (reverse("mailing-add"), reverse("mailing-count")):
        page = as_owner.post(address, own | {field: str(theirs[field].pk)})
        assert page.status_code == 200
        assert "secret@example.com" not in page.content.decode()
        assert "СЕКРЕТ" not in page.content.decode()

    assert not Mailing.objects.filter(workspace=workspace).exists()


def _audience_of(field: str) -> str:
    kinds = {
        "lists": AudienceKind.LISTS,
        "segments": AudienceKind.LISTS,
        "picked": AudienceKind.PICKED,
    }
    return kinds.get(field, AudienceKind.EVERYBODY).value


def test_addresses_of_another_workspaces_people_are_unknown_here(
    as_owner, workspace, foreign
):
    make_recipient(foreign, "secret@example.com")

    page = as_owner.post(
        reverse("mailing-add"),
        {
            "message": str(make_message(workspace).pk),
            "audience": AudienceKind.PICKED.value,
            "addresses": "secret@example.com",
        },
    )

    assert page.context["form"].errors["addresses"]


@pytest.mark.parametrize("action", ["delete", "add", "remove"])
def test_ticked_recipients_of_another_workspace_stay_as_they_are(
    as_owner, workspace, foreign, action
):
    person = make_recipient(foreign)
    theirs, ours = make_list(foreign, person), make_list(workspace)
    wish = {
        "action": action,
        "pick": str(person.pk),
        "list": str(theirs.pk),
        "to": str(ours.pk),
        "out_of": str(theirs.pk),
        "confirm": "1",
    }

    assert as_owner.post(reverse("recipients-bulk"), wish).status_code < 500

    assert Recipient.objects.filter(pk=person.pk).exists()
    assert list(theirs.recipients.all()) == [person]
    assert not ours.recipients.exists()


def test_everybody_means_everybody_of_ones_own_workspace(as_owner, workspace, foreign):
    person, ours = make_recipient(foreign), make_recipient(workspace)
    theirs = make_list(foreign, person)

    for chosen in ({}, {"list": str(theirs.pk)}):
        wish = {"action": "delete", "everybody": "1", **chosen}
        as_owner.post(reverse("recipients-bulk"), wish)

    assert Recipient.objects.filter(pk=person.pk).exists()
    assert not Recipient.objects.filter(pk=ours.pk).exists()


def test_nobody_is_put_into_a_foreign_list_or_from_abroad_into_ours(
    as_owner, workspace, foreign
):
    person, ours = make_recipient(foreign), make_recipient(workspace)
    theirs, own = make_list(foreign), make_list(workspace)

    as_owner.post(reverse("list-pick", args=[own.pk]), {"pick": str(person.pk)})
    as_owner.post(
        reverse("recipients-bulk"),
        {"action": "add", "pick": str(ours.pk), "to": str(theirs.pk)},
    )

    assert not own.recipients.exists()
    assert not theirs.recipients.exists()


def test_a_preview_shows_nobody_from_another_workspace(as_owner, workspace, foreign):
    message = make_message(workspace, html="<p>{{ full_name }} {{ email }}</p>")
    person = make_recipient(foreign, "secret@example.com", full_name="Тайна Чужая")
    query = {"recipient": str(person.pk), "q": "secret"}

    for name in ("message", "message-frame"):
        page = as_owner.get(reverse(name, args=[message.pk]), query)
        text = page.content.decode()
        assert "Тайна" not in text
        assert "secret@example.com" not in text


def test_a_test_letter_leaves_only_through_ones_own_sender(
    as_owner, workspace, foreign
):
    sender = make_sender(foreign, from_email="secret@example.com")

    page = as_owner.post(
        reverse("message-test", args=[make_message(workspace).pk]),
        {"sender": str(sender.pk)},
        follow=True,
    )

    assert "secret@example.com" not in page.content.decode()


def test_a_sender_takes_no_server_of_another_workspace(as_owner, workspace, foreign):
    relay = make_relay(foreign, name="СЕКРЕТНЫЙ")
    form = {"from_name": "Я", "from_email": "me@example.com", "relay": str(relay.pk)}

    page = as_owner.post(reverse("sender-add"), form)

    assert page.context["form"].errors["relay"]
    assert "СЕКРЕТНЫЙ" not in page.content.decode()
    assert not Sender.objects.filter(workspace=workspace).exists()


@pytest.mark.parametrize(
    "name", ["recipients", "lists", "messages", "mailings", "attempts", "sandbox"]
)
def test_lists_and_searches_show_only_ones_own(as_owner, workspace, foreign, name):
    make_list(foreign, make_recipient(foreign, "secret@example.com"), name="СЕКРЕТ")
    make_mailing(
        foreign,
        name="СЕКРЕТ",
        message=make_message(foreign, subject="СЕКРЕТ"),
        sender=make_sender(foreign),
    )

    for query in ({}, {"q": "секрет"}, {"q": "secret"}):
        page = as_owner.get(reverse(name), query)
        found = page.content.decode().replace('value="секрет"', "")
        assert "СЕКРЕТ" not in found
        assert "secret@example.com" not in found


def test_searches_for_a_choice_find_only_ones_own(as_owner, workspace, foreign):
    make_list(foreign, make_recipient(foreign, "secret@example.com"), name="СЕКРЕТ")

    for name in ("recipients-search", "lists-search"):
        for query in ("secret", "секрет"):
            page = as_owner.get(reverse(name), {"q": query})
            assert "СЕКРЕТ" not in page.content.decode()
            assert "secret@example.com" not in page.content.decode()


def test_rows_made_here_are_rows_of_this_workspace(as_owner, workspace, foreign):
    """A workspace that is named in the form counts for nothing."""
    claim = {"workspace": str(foreign.pk), "workspace_id": str(foreign.pk)}

    as_owner.post(reverse("list-add"), {"name": "Новый", **claim})
    as_owner.post(
        reverse("message-add"), {"subject": "Новое", "html": "<p>Да</p>", **claim}
    )

    assert RecipientList.objects.get(name="Новый").workspace == workspace
    assert Message.objects.get(subject="Новое").workspace == workspace
