"""Whom a launch may write to: the stop list and the basis (BNC-07, LAW-02)."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from mailcore.smtp.sink import sink_in_thread
from pochtar.accounts.models import User, Workspace
from pochtar.base.errors import Conflict
from pochtar.delivery.driver import drive_run
from pochtar.delivery.models import Attempt, Delivery
from pochtar.mailings.again import follow_up_mailing
from pochtar.mailings.audience import audience_of, choice_of, reach_of
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import AudienceKind, Mailing
from pochtar.mailings.preflight import Preflight
from pochtar.recipients.bulk import delete_selected
from pochtar.recipients.models import Recipient, SuppressionReason
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection
from pochtar.recipients.services import Person, add_recipients, create_recipient
from pochtar.recipients.stoplist import lift, stop_address, stop_domain
from tests.make import make_list, make_mailing, make_recipient, make_relay, make_sender

pytestmark = pytest.mark.django_db
MANUAL = SuppressionReason.MANUAL


def codes(mailing: Mailing) -> tuple[list[str], dict[str, int]]:
    flight = Preflight(Mailing.objects.get(pk=mailing.pk), now=timezone.now())
    problems = [one.code for one in flight.problems]
    return problems, {one.code: one.count for one in flight.warnings if one.count}


def test_law_02_a_launch_to_a_mixed_list_skips_who_is_unconfirmed(
    workspace: Workspace,
) -> None:
    sure = make_recipient(workspace, "sure@example.com")
    unsure = make_recipient(workspace, "unsure@example.com", basis="")
    with sink_in_thread() as sink:
        sender = make_sender(workspace, relay=make_relay(workspace, port=sink.port))
        mailing = make_mailing(workspace, sender=sender, audience=AudienceKind.LISTS)
        mailing.lists.set([make_list(workspace, sure, unsure)])
        launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)
        assert mailing.run
        drive_run(mailing.run)

    assert [one.rcpt_to for one in sink.accepted] == ["sure@example.com"]
    skipped = Attempt.objects.get(delivery__recipient=unsure)
    assert (skipped.outcome, skipped.reason) == ("skipped", "no_consent")


def test_bnc_07_who_is_stopped_is_not_frozen(workspace: Workspace, owner: User) -> None:
    make_recipient(workspace, "sure@example.com")
    make_recipient(workspace, "stopped@example.com")
    make_recipient(workspace, "anybody@mail.bad.example")
    stop_address(workspace, "stopped@example.com", reason=MANUAL, by=owner)
    stop_domain(workspace, "bad.example", by=owner)
    mailing = make_mailing(workspace)

    launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)

    assert list(Delivery.objects.values_list("email", flat=True)) == [
        "sure@example.com"
    ]


@pytest.mark.parametrize("how", ["create", "add"])
def test_bnc_07_who_is_deleted_and_added_again_is_still_not_written_to(
    workspace: Workspace, owner: User, how: str
) -> None:
    person = make_recipient(workspace, "anna@example.com")
    stop_address(workspace, "anna@example.com", reason=MANUAL, by=owner)
    chosen = Selection(search=Search(workspace=workspace), ids=frozenset({person.pk}))
    delete_selected(chosen, by=owner)

    again = Person(email="ANNA@example.com", basis="consent")
    if how == "create":
        row = create_recipient(workspace, again, by=owner)
    else:
        (row,) = add_recipients(workspace, [again], by=owner)

    assert row.suppressed
    assert Recipient.objects.get().suppressed
    mailing = make_mailing(workspace)
    assert not audience_of(mailing).exists()
    assert codes(mailing)[0] == ["all_suppressed"]
    with pytest.raises(Conflict) as refused:
        launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)
    assert refused.value.code == "all_suppressed"


def test_bnc_07_who_is_taken_off_the_list_is_written_to_again(
    workspace: Workspace, owner: User
) -> None:
    person = make_recipient(workspace, "anna@example.com")
    stop, _new = stop_address(workspace, person.email, reason=MANUAL, by=owner)

    lift(stop, by=owner)

    assert list(audience_of(make_mailing(workspace))) == [person]


def test_everybody_is_counted_once_at_the_first_reason(workspace: Workspace) -> None:
    now = timezone.now()
    left: dict[str, Any] = {"unsubscribed_at": now, "unsubscribed_via": "page"}
    make_recipient(workspace)
    make_recipient(workspace, **left, suppressed=True, basis="")
    make_recipient(workspace, suppressed=True, basis="")
    make_recipient(workspace, basis="")
    out = [make_recipient(workspace), make_recipient(workspace, **left)]
    mailing = make_mailing(workspace)
    mailing.exclude_lists.set([make_list(workspace, *out)])

    reach = reach_of(workspace, choice_of(mailing))

    assert (reach.goes, reach.excluded) == (1, 2)
    assert (reach.unsubscribed, reach.suppressed, reach.unconfirmed) == (1, 1, 1)
    assert codes(mailing) == (
        [],
        {"unsubscribed": 1, "suppressed": 1, "unconfirmed": 1, "excluded": 2},
    )


@pytest.mark.parametrize(
    ("people", "code"),
    [
        ([], "no_recipients"),
        ([{"basis": ""}], "all_unconfirmed"),
        ([{"suppressed": True}], "all_suppressed"),
        ([{"suppressed": True}, {"basis": ""}], "all_left_out"),
    ],
)
def test_a_launch_that_would_reach_nobody_says_why(
    workspace: Workspace, people: list[dict[str, Any]], code: str
) -> None:
    for one in people:
        make_recipient(workspace, **one)

    assert codes(make_mailing(workspace))[0] == [code]


def test_exceptions_that_leave_nobody_are_said_to(workspace: Workspace) -> None:
    mailing = make_mailing(workspace)
    mailing.exclude_lists.set([make_list(workspace, make_recipient(workspace))])

    assert codes(mailing)[0] == ["all_excluded"]


def test_what_a_letter_lacks_is_not_asked_of_who_gets_none(
    workspace: Workspace,
) -> None:
    make_recipient(workspace, full_name="Anna")
    make_recipient(workspace, full_name="", basis="")
    mailing = make_mailing(workspace)
    mailing.message.html = "<p>{{ full_name }}</p>"
    mailing.message.save()

    assert "lacking" not in codes(mailing)[1]


def test_those_added_since_are_chosen_with_the_same_exceptions(
    workspace: Workspace, manager: User
) -> None:
    first, kept_out = (make_recipient(workspace) for _ in range(2))
    mailing = make_mailing(workspace, exclude_days=3)
    mailing.exclude_lists.set([make_list(workspace, kept_out)])
    launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)
    new = make_recipient(workspace)

    later = follow_up_mailing(mailing, by=manager)

    assert later.exclude_days == 3
    assert list(audience_of(later)) == [new]
    assert first not in audience_of(later)
