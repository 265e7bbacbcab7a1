"""Taking a launch back, cancelling, a careful start, and a start that was missed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from mailcore.smtp.sink import sink_in_thread
from pochtar.accounts.models import AuditEntry
from pochtar.base.errors import Conflict, NotAllowed
from pochtar.delivery.driver import drive_run
from pochtar.delivery.models import Delivery, Run, RunStatus, SliceStatus
from pochtar.delivery.runs import lease_slice
from pochtar.mailings.foreground import take_mailing
from pochtar.mailings.launch import (
    cancel_mailing,
    launch_due,
    launch_mailing,
    pause_mailing,
    start_at_once,
    undo_launch,
)
from pochtar.mailings.models import Mailing, MailingStatus, MissedRule
from pochtar.mailings.services import (
    Draft,
    cancel_schedule,
    delete_mailing,
    duplicate_mailing,
    edit_mailing,
)
from pochtar.mailings.tasks import tick
from pochtar.recipients.models import Recipient
from tests.make import make_mailing, make_recipient, make_relay, make_sender

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def mailing(workspace):
    make_recipient(workspace)
    return make_mailing(workspace)


def launch(mailing: Any, by: Any, **over: Any) -> Any:
    return launch_mailing(mailing, by=by, now=timezone.now(), **over)


def verbs() -> set[str]:
    return set(AuditEntry.objects.values_list("verb", flat=True))


# Undo ---------------------------------------------------------------------------------
def test_a_launch_is_taken_back_and_the_mailing_is_a_draft_again(mailing, manager):
    """SMTP-26"""
    launch(mailing, manager, undo_seconds=30)
    tick()

    undo_launch(mailing, by=manager, now=timezone.now())

    assert (mailing.status, mailing.run) == (MailingStatus.CREATED, None)
    assert not Run.objects.exists()
    assert not Delivery.objects.exists()
    assert "mailing_launch_undone" in verbs()
    edit_mailing(mailing, Draft(message=mailing.message, name="Better"), by=manager)


def test_it_can_be_launched_again_after_that(mailing, manager):
    launch(mailing, manager, undo_seconds=30)
    undo_launch(mailing, by=manager, now=timezone.now())

    launch(mailing, manager)

    assert Run.objects.get().selected == 1


@pytest.mark.parametrize("seconds", [0, 30])
def test_a_launch_that_is_under_way_is_not_taken_back(mailing, manager, seconds):
    """SMTP-26"""
    launch(mailing, manager, undo_seconds=seconds)
    later = timezone.now() + dt.timedelta(seconds=seconds)
    assert lease_slice(mailing.run, now=later)

    with pytest.raises(Conflict) as caught:
        undo_launch(mailing, by=manager, now=timezone.now())

    assert caught.value.code == "cannot_undo"
    assert Run.objects.get().status == RunStatus.RUNNING
    assert Delivery.objects.count() == 1


def test_an_editor_takes_nothing_back_and_cancels_nothing(mailing, manager, editor):
    launch(mailing, manager, undo_seconds=30)

    with pytest.raises(NotAllowed):
        undo_launch(mailing, by=editor, now=timezone.now())
    with pytest.raises(NotAllowed):
        start_at_once(mailing, by=editor, now=timezone.now())
    with pytest.raises(NotAllowed):
        cancel_mailing(mailing, by=editor)


def test_send_now_ends_the_wait(mailing, manager):
    launch(mailing, manager, undo_seconds=30)
    assert lease_slice(mailing.run) is None

    start_at_once(mailing, by=manager, now=timezone.now())

    assert lease_slice(mailing.run)
    assert "mailing_started_at_once" in verbs()


def test_the_command_line_does_not_wait_for_second_thoughts(mailing, manager):
    launch(mailing, manager, undo_seconds=30)

    run = take_mailing(mailing, now=timezone.now(), force_now=False)

    assert lease_slice(run)


# Cancel -------------------------------------------------------------------------------
def test_a_cancelled_mailing_follows_its_run_and_is_deleted_with_its_history(
    mailing, manager
):
    """SMTP-26"""
    launch(mailing, manager)
    slice_ = lease_slice(mailing.run)
    assert slice_
    cancel_mailing(mailing, by=manager)

    assert mailing.status == MailingStatus.CANCELLED
    assert mailing.has_letters_in_hand
    with pytest.raises(Conflict):
        delete_mailing(mailing, by=manager)

    slice_.status, slice_.lease_token, slice_.lease_expires_at = "ready", None, None
    slice_.save()
    tick()
    mailing.refresh_from_db()
    assert not mailing.has_letters_in_hand
    delete_mailing(mailing, by=manager)
    assert not Mailing.objects.exists()
    assert "mailing_cancelled" in verbs()


@pytest.mark.parametrize("paused", [False, True])
def test_running_and_paused_mailings_are_cancelled_once(mailing, manager, paused):
    launch(mailing, manager)
    if paused:
        pause_mailing(mailing, by=manager)

    cancel_mailing(mailing, by=manager)

    with pytest.raises(Conflict) as caught:
        cancel_mailing(mailing, by=manager)
    assert caught.value.code == "cannot_cancel"
    with pytest.raises(Conflict) as caught:
        take_mailing(mailing, now=timezone.now(), force_now=True)
    assert caught.value.code == "already_cancelled"


def test_a_draft_is_not_cancelled(mailing, manager):
    with pytest.raises(Conflict):
        cancel_mailing(mailing, by=manager)


# The careful start --------------------------------------------------------------------
@pytest.mark.parametrize(("careful", "tried_first"), [(True, 20), (False, 0)])
def test_a_big_mailing_starts_carefully_unless_it_is_turned_off(
    workspace, manager, careful, tried_first
):
    emails = [f"r{number}@example.com" for number in range(1000)]
    Recipient.objects.bulk_create(
        Recipient(workspace=workspace, email=email, email_key=email, basis="consent")
        for email in emails
    )
    with sink_in_thread() as sink:
        sender = make_sender(workspace, relay=make_relay(workspace, port=sink.port))
        mailing: Any = make_mailing(workspace, sender=sender, canary=careful)
        launch(mailing, manager)
        run = mailing.run
        assert run.canary == tried_first
        # Who was drawn beside them and all the others: one slice or two.
        held = run.slices.filter(status=SliceStatus.HELD)
        assert sum(one.last_position - one.cursor for one in held) == (
            980 if careful else 0
        )
        run = drive_run(run)

    assert run.status == RunStatus.COMPLETED
    assert len({one.rcpt_to for one in sink.accepted}) == len(sink.accepted) == 1000


def test_the_copy_keeps_the_choices(workspace, editor):
    mailing: Any = make_mailing(workspace, canary=False, missed_rule=MissedRule.ASK)

    copy = duplicate_mailing(mailing, by=editor)

    assert (copy.canary, copy.missed_rule) == (False, MissedRule.ASK)


# A missed start -----------------------------------------------------------------------
def scheduled(mailing: Any, manager: Any, rule: str) -> dt.datetime:
    """Schedule it; return a moment at which its start is missed."""
    now = timezone.now()
    mailing.start_at, mailing.missed_rule = now + HOUR, rule
    mailing.save()
    launch(mailing, manager)
    assert mailing.status == MailingStatus.SCHEDULED
    return now + HOUR + dt.timedelta(minutes=15, seconds=1)


@pytest.mark.parametrize(
    ("rule", "status", "note"),
    [
        (MissedRule.SEND, MailingStatus.RUNNING, ""),
        (MissedRule.SKIP, MailingStatus.CREATED, "missed"),
        (MissedRule.ASK, MailingStatus.SCHEDULED, "missed_ask"),
    ],
)
def test_a_missed_start_goes_by_the_mailings_rule(mailing, manager, rule, status, note):
    late = scheduled(mailing, manager, rule)

    launch_due(late)
    launch_due(late + HOUR)  # it is asked once

    mailing.refresh_from_db()
    assert (mailing.status, mailing.note) == (status, note)
    missed = AuditEntry.objects.filter(verb="mailing_missed").count()
    assert missed == int(rule == MissedRule.ASK)


@pytest.mark.parametrize("rule", MissedRule)
def test_a_start_a_little_late_is_not_missed(mailing, manager, rule):
    late = scheduled(mailing, manager, rule)

    launch_due(late - dt.timedelta(seconds=2))

    mailing.refresh_from_db()
    assert mailing.status == MailingStatus.RUNNING


def test_the_question_is_answered_by_sending_or_not(mailing, manager):
    late = scheduled(mailing, manager, MissedRule.ASK)
    launch_due(late)
    mailing.refresh_from_db()

    launch_mailing(mailing, by=manager, now=late, force_now=True)
    assert (mailing.status, mailing.note) == (MailingStatus.RUNNING, "")


def test_the_question_is_answered_with_no(mailing, manager):
    launch_due(scheduled(mailing, manager, MissedRule.ASK))
    mailing.refresh_from_db()

    cancel_schedule(mailing, by=manager)
    assert (mailing.status, mailing.note) == (MailingStatus.CREATED, "")
