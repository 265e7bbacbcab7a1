"""Choosing whom a mailing goes to, and whom it leaves out."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pochtar.accounts.models import User, Workspace
from pochtar.delivery.models import Run
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import AudienceKind, Mailing
from pochtar.mailings.services import duplicate_mailing
from pochtar.recipients.models import Recipient
from tests.make import (
    make_list,
    make_mailing,
    make_message,
    make_recipient,
    make_segment,
    make_sender,
)
from tests.web.mailings import filled, launched, url

pytestmark = pytest.mark.django_db
BEGINS_A = {"field": "email", "op": "begins", "value": "a"}


@pytest.fixture(autouse=True)
def _english(as_editor: Client, as_manager: Client) -> None:
    for client in (as_editor, as_manager):
        client.cookies["django_language"] = "en"


def whole(workspace: Workspace) -> dict[str, list[Any]]:
    """What the form posts for one of everything; the rows by the fields' names."""
    return {
        "lists": [make_list(workspace)],
        "segments": [make_segment(workspace)],
        "exclude_lists": [make_list(workspace)],
        "exclude_segments": [make_segment(workspace)],
        "exclude_mailings": [make_mailing(workspace)],
    }


def posted(rows: dict[str, list[Any]]) -> dict[str, list[str]]:
    return {name: [str(row.pk) for row in some] for name, some in rows.items()}


def text_of(response) -> str:
    return " ".join(response.content.decode().split())


def test_lists_segments_and_exceptions_are_saved_shown_and_copied(
    as_editor: Client, workspace: Workspace, editor: User
) -> None:
    rows = whole(workspace)
    data = filled(workspace, audience="lists", exclude_days="7", **posted(rows))

    as_editor.post(reverse("mailing-add"), data)

    mailing = Mailing.objects.latest("pk")
    for one in (mailing, duplicate_mailing(mailing, by=editor)):
        assert {name: list(getattr(one, name).all()) for name in rows} == rows
        assert one.exclude_days == 7
    page = text_of(as_editor.get(url("mailing", mailing)))
    for some in rows.values():
        assert some[0].name in page
    assert "who got any mailing in the last 7 days" in page
    assert "found out at the launch" in page
    form = text_of(as_editor.get(url("mailing-edit", mailing)))
    assert 'audience-except" open' in form


def test_a_segment_alone_is_an_audience(
    as_editor: Client, workspace: Workspace
) -> None:
    segment = make_segment(workspace)

    as_editor.post(
        reverse("mailing-add"),
        filled(workspace, audience="lists", segments=[segment.pk]),
    )

    assert list(Mailing.objects.get().segments.all()) == [segment]


@pytest.mark.parametrize("days", ["0", "-1", "3651", "x", "1.5"])
def test_days_that_are_none_get_an_error_at_their_field(
    as_editor: Client, workspace: Workspace, days: str
) -> None:
    answer = as_editor.post(
        reverse("mailing-add"), filled(workspace, exclude_days=days)
    )

    assert list(answer.context["form"].errors) == ["exclude_days"]
    assert 'audience-except" open' in answer.content.decode()
    assert not Mailing.objects.exists()


def test_the_count_says_who_is_left_out_and_why(
    as_editor: Client, workspace: Workspace
) -> None:
    people = [make_recipient(workspace, f"a{n}@example.com") for n in range(5)]
    make_recipient(workspace, "b@example.com")
    Recipient.objects.filter(pk=people[0].pk).update(suppressed=True)
    Recipient.objects.filter(pk=people[1].pk).update(basis="")
    fields = {
        "audience": "lists",
        "segments": [make_segment(workspace, rule=BEGINS_A).pk],
        "exclude_lists": [make_list(workspace, people[2]).pk],
    }
    make_message(workspace)

    live = text_of(as_editor.post(reverse("mailing-count"), fields))
    plain = text_of(as_editor.post(reverse("mailing-add"), {**fields, "count": "1"}))

    for said in (live, plain):
        assert "will go to <strong>2</strong> recipients" in said
        assert "on the stop list 1" in said
        assert "unconfirmed 1" in said
        assert "by your exceptions 1" in said
        assert "unsubscribed" not in said.partition("will go to")[2][:400]


def test_a_mailing_is_not_offered_as_its_own_exception(
    as_editor: Client, workspace: Workspace
) -> None:
    mailing, other = make_mailing(workspace), make_mailing(workspace)

    form = as_editor.get(url("mailing-edit", mailing)).context["form"]

    assert list(form.fields["exclude_mailings"].queryset) == [other]


def test_the_launch_says_whom_it_leaves_out_before_it_happens(
    as_manager: Client, workspace: Workspace
) -> None:
    """LAW-02, BNC-07"""
    make_recipient(workspace)
    make_recipient(workspace, basis="")
    make_recipient(workspace, suppressed=True)
    kept_out = make_list(workspace, make_recipient(workspace), name="Staff")
    mailing = make_mailing(workspace)
    mailing.exclude_lists.set([kept_out])

    page = text_of(as_manager.get(url("mailing-launch", mailing)))

    assert "Send the letter to 1 recipient?" in page
    assert "1 recipient is unconfirmed and will be skipped" in page
    assert "1 recipient is on the stop list and is left out" in page
    assert "1 recipient is left out by your exceptions" in page
    assert "Staff" in page


@pytest.mark.parametrize("field", ["lists", "exclude_lists"])
def test_a_list_that_a_waiting_mailing_uses_is_not_deleted(
    as_editor: Client, workspace: Workspace, field: str
) -> None:
    row = make_list(workspace)
    mailing = make_mailing(workspace, audience=AudienceKind.LISTS)
    getattr(mailing, field).set([row])

    as_editor.post(reverse("list-delete", args=[row.pk]))

    assert list(getattr(mailing, field).all()) == [row]


def test_a_mailing_that_a_waiting_one_leaves_out_keeps_its_history(
    as_manager: Client, workspace: Workspace
) -> None:
    mailing = launched(workspace)
    Run.objects.update(status="completed", finished_at=timezone.now())
    other = make_mailing(workspace)
    other.exclude_mailings.set([mailing])

    answer = as_manager.post(url("mailing-delete", mailing))

    assert answer.status_code == 409
    assert "leaves out those who got this one" in text_of(answer)


def test_a_launched_mailing_says_how_its_recipients_were_chosen(
    as_editor: Client, workspace: Workspace
) -> None:
    make_recipient(workspace)
    mailing = make_mailing(
        workspace, audience=AudienceKind.LISTS, sender=make_sender(workspace)
    )
    mailing.segments.set([make_segment(workspace, name="Buyers")])
    launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)

    page = text_of(as_editor.get(url("mailing", mailing)))

    assert "Buyers" in page
    assert "1 recipient" in page
    assert "found out at the launch" not in page


def test_the_list_of_mailings_says_whom_each_is_for(
    as_editor: Client, workspace: Workspace
) -> None:
    mailing = make_mailing(workspace, audience=AudienceKind.LISTS)
    mailing.lists.set([make_list(workspace, name="Retail")])
    mailing.segments.set([make_segment(workspace, name="Buyers")])
    mailing.exclude_lists.set([make_list(workspace, name="Staff")])
    make_mailing(workspace)

    page = text_of(as_editor.get(reverse("mailings")))

    assert "Buyers, Retail, with exceptions<" in page
    assert ">Everybody<" in page
