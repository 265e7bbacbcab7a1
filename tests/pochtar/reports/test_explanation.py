"""Why somebody got a letter, or did not: whom it went to, and the launch."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone, translation

from pochtar.delivery.models import Outcome
from pochtar.mailings.models import AudienceKind, Mailing, MailingStatus
from pochtar.recipients.models import Recipient, Subscription
from pochtar.reports.explanation import Mark
from tests.make import (
    make_list,
    make_mailing,
    make_recipient,
    make_workspace,
)
from tests.pochtar.reports.explaining import (
    ANNA,
    explained,
    keys,
    launched,
    step,
    tried,
)

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


# Whom -----------------------------------------------------------------------------
@pytest.mark.parametrize("typed", ["", "anna", "anna@", "a b@example.com", "\x00@x.y"])
def test_what_is_no_address_is_said_to_be_none(mailing, typed):
    explanation = explained(mailing, typed)

    assert (explanation.verdict, keys(explanation)) == ("not_an_address", [])
    assert not explanation.is_explained


def test_an_unknown_address_is_said_to_be_unknown(mailing):
    explanation = explained(mailing, "nobody@example.com")

    assert (explanation.verdict, explanation.is_explained) == ("no_such_address", False)


@pytest.mark.parametrize("typed", ["anna@EXAMPLE.com", "  ANNA@example.com "])
def test_the_address_may_be_spelled_in_any_way(mailing, typed):
    assert explained(mailing, typed).verdict == "pending"


def test_sec_01_a_recipient_of_another_workspace_is_not_told_of(mailing):
    stranger = make_recipient(make_workspace(), "stranger@example.com")

    assert explained(mailing, stranger.email).verdict == "no_such_address"


def test_a_deleted_recipient_is_found_by_the_frozen_address(mailing, anna):
    tried(mailing, Outcome.ACCEPTED, code=250)
    anna.delete()

    explanation = explained(mailing, "anna@EXAMPLE.com")

    assert explanation.verdict == "accepted"
    assert keys(explanation)[0] == "deleted"
    assert explanation.recipient_id is None


def test_a_recipient_entered_anew_is_told_of_the_earlier_entry(
    mailing, anna, workspace
):
    anna.delete()
    make_recipient(workspace, "anna@example.com")

    person = step(explained(mailing), "recipient")

    assert "Deleted and entered anew" in person.detail


@pytest.mark.parametrize("typed", ["new@example.com", ANNA])
def test_an_address_that_was_changed_is_found_by_both(mailing, anna, typed):
    Recipient.objects.filter(pk=anna.pk).update(
        email="new@example.com", email_key="new@example.com"
    )

    explanation = explained(mailing, typed)

    assert explanation.verdict == "pending"
    assert explanation.address == ANNA
    if typed != ANNA:
        assert ANNA in step(explanation, "recipient").detail


# Whether chosen -------------------------------------------------------------------
def test_everybody_of_the_workspace_is_in_a_mailing_to_everybody(mailing):
    audience = step(explained(mailing), "audience")

    assert (audience.mark, audience.detail) == (
        Mark.OK,
        "The mailing goes to everybody.",
    )


def test_who_was_added_after_the_launch_is_told_so(mailing, workspace):
    make_recipient(workspace, "late@example.com")

    explanation = explained(mailing, "late@example.com")

    assert explanation.verdict == "not_selected"
    audience = step(explanation, "audience")
    assert (audience.mark, "after the launch" in audience.text) == (Mark.BAD, True)
    assert keys(explanation)[-1] == "not_selected"


def listed(workspace, *people) -> Mailing:
    mailing = make_mailing(workspace, audience=AudienceKind.LISTS)
    mailing.lists.add(make_list(workspace, *people, name="Friends"))
    return mailing


def test_the_list_and_since_when_are_named(workspace, anna):
    mailing = launched(listed(workspace, anna))

    audience = step(explained(mailing), "audience")

    assert audience.mark == Mark.OK
    assert "In the list “Friends” since" in audience.detail


def test_who_is_in_none_of_the_lists_is_told_so(workspace, anna):
    make_recipient(workspace, "boris@example.com")
    mailing = launched(listed(workspace, anna))

    audience = step(explained(mailing, "boris@example.com"), "audience")

    assert audience.text == "Was not among those the mailing goes to at the launch."
    assert audience.detail.endswith("Now in none of them.")


def test_who_came_into_the_list_after_the_launch_is_told_so(workspace, anna):
    boris = make_recipient(workspace, "boris@example.com")
    mailing = launched(listed(workspace, anna))
    Subscription.objects.create(list=mailing.lists.get(), recipient=boris)

    audience = step(explained(mailing, boris.email), "audience")

    assert audience.text == "Was put into the list after the launch."


def test_picked_people_are_said_to_be_picked(workspace, anna):
    mailing = make_mailing(workspace, audience=AudienceKind.PICKED)
    make_recipient(workspace, "boris@example.com")
    mailing.picked.add(anna)

    assert explained(mailing).verdict == "would_get"
    explanation = explained(mailing, "boris@example.com")
    assert explanation.verdict == "would_not_get"
    assert step(explanation, "audience").detail == "The mailing goes to picked people."


def test_a_mailing_to_those_added_since_leaves_out_whom_the_earlier_one_chose(
    mailing, workspace
):
    later = make_mailing(workspace, follows=mailing)

    explanation = explained(later)

    assert explanation.verdict == "would_not_get"
    assert "Autumn" in step(explanation, "earlier_mailing").text


# The launch -----------------------------------------------------------------------
def test_a_draft_says_whether_a_launch_would_reach_the_person(workspace, anna):
    explanation = explained(make_mailing(workspace, note="no_sender"))

    assert (explanation.verdict, explanation.mark) == ("would_get", Mark.NEXT)
    assert step(explanation, "not_launched").detail == "No sender is chosen."


def test_a_scheduled_mailing_says_when_it_starts(workspace, anna):
    start = timezone.now() + HOUR
    mailing = make_mailing(workspace, status=MailingStatus.SCHEDULED, start_at=start)

    assert step(explained(mailing), "scheduled").at == start


def test_the_launch_names_who_and_when(mailing, manager):
    launch = step(explained(mailing), "launched")

    assert launch.text == f"Launched by {manager}."
    assert launch.at == mailing.run.started_at


def test_a_launch_by_nobody_is_the_schedules_or_the_command_lines(workspace, anna):
    launch = step(explained(launched(make_mailing(workspace))), "launched")

    assert launch.text == "Launched by its schedule or on the command line."
