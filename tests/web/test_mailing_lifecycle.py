"""The page of a mailing through its life: taking back, cancelling, a missed start."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pochtar.delivery.models import Run, RunStatus, Slice, SliceStatus
from pochtar.delivery.runs import cancel_run, lease_slice
from pochtar.delivery.ticks import tick_runs
from pochtar.mailings.launch import launch_due
from pochtar.mailings.models import Mailing, MailingStatus, MissedRule
from tests.make import make_mailing, make_recipient
from tests.web.mailings import filled, launched, url

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _english(
    as_owner: Client, as_editor: Client, as_manager: Client, as_viewer: Client
):
    for client in (as_owner, as_editor, as_manager, as_viewer):
        client.cookies["django_language"] = "en"


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


# Taking back --------------------------------------------------------------------------
@pytest.fixture
def waiting(as_manager, workspace, settings) -> Any:
    settings.LAUNCH_UNDO_SECONDS = 30
    make_recipient(workspace)
    mailing = make_mailing(workspace)
    question = text_of(as_manager.get(url("mailing-launch", mailing)))
    assert "For 30 seconds you can take the launch back." in question
    as_manager.post(url("mailing-launch", mailing))
    return mailing


def test_a_launch_from_the_page_waits_and_says_so_in_plain_text(as_manager, waiting):
    page = text_of(as_manager.get(url("mailing", waiting)))

    assert "Starts in 30 seconds" in page or "Starts in 29 seconds" in page
    assert url("mailing-undo", waiting) in page
    assert url("mailing-at-once", waiting) in page
    assert "Nothing has left yet." in page
    assert url("mailing-pause", waiting) not in page
    assert ">Refresh</a></noscript>" in page


def test_a_viewer_sees_the_wait_without_the_buttons(as_viewer, waiting):
    page = text_of(as_viewer.get(url("mailing", waiting)))

    assert "Starts in" in page
    assert url("mailing-undo", waiting) not in page


def test_the_countdown_is_asked_for_and_ends_with_a_fresh_page(as_manager, waiting):
    address = f"{url('mailing-live', waiting)}?was=waits"
    answer = as_manager.get(address)
    assert text_of(answer).startswith("Starts in")
    assert "HX-Refresh" not in answer.headers

    Run.objects.update(undo_until=timezone.now())
    assert as_manager.get(address).headers["HX-Refresh"] == "true"


def test_the_launch_is_taken_back(as_manager, waiting):
    """SMTP-26"""
    answer = as_manager.post(url("mailing-undo", waiting), follow=True)

    assert "nobody has got a letter" in text_of(answer)
    assert Mailing.objects.get().status == MailingStatus.CREATED
    assert not Run.objects.exists()
    assert as_manager.post(url("mailing-undo", waiting)).status_code == 409


def test_it_is_sent_now(as_manager, waiting):
    as_manager.post(url("mailing-at-once", waiting))

    assert lease_slice(Run.objects.get())
    page = text_of(as_manager.get(url("mailing", waiting)))
    assert "Starts in" not in page
    answer = as_manager.post(url("mailing-undo", waiting))
    assert answer.status_code == 409
    assert "too late to take the launch back" in text_of(answer)


# Cancelling ---------------------------------------------------------------------------
def test_the_question_says_who_has_got_it_and_who_will_not(as_manager, workspace):
    make_recipient(workspace)
    mailing = launched(workspace)
    assert url("mailing-stop", mailing) in text_of(
        as_manager.get(url("mailing", mailing))
    )

    question = text_of(as_manager.get(url("mailing-stop", mailing)))

    assert "Accepted by the mail server: 0 of 2." in question
    assert "Will not get the letter: 2." in question
    assert Run.objects.get().status == RunStatus.RUNNING


def test_a_cancelled_mailing_shows_its_letters_in_hand_and_then_its_end(
    as_manager, workspace
):
    """SMTP-26"""
    mailing = launched(workspace)
    slice_ = lease_slice(mailing.run)
    assert slice_
    as_manager.post(url("mailing-stop", mailing))

    page = text_of(as_manager.get(url("mailing", mailing)))
    assert "Cancelled: the letters in hand are being finished." in page
    assert f"{url('mailing-live', mailing)}?was=ends" in page
    assert url("mailing-delete", mailing) not in page

    Slice.objects.update(
        status=SliceStatus.READY, lease_token=None, lease_expires_at=None
    )
    tick_runs()
    live = as_manager.get(f"{url('mailing-live', mailing)}?was=ends")
    assert live.headers["HX-Refresh"] == "true"
    page = text_of(as_manager.get(url("mailing", mailing)))
    assert ", cancelled <time" in page
    assert "The mailing was cancelled before this one" in page
    assert url("mailing-delete", mailing) in page
    assert "sendmail" not in page
    for name in ("mailing-stop", "mailing-pause", "mailing-resume"):
        assert url(name, mailing) not in page


def test_what_is_not_running_is_not_cancelled(as_manager, workspace):
    draft = make_mailing(workspace)

    assert as_manager.get(url("mailing-stop", draft)).status_code == 409
    assert as_manager.post(url("mailing-stop", draft)).status_code == 409


def test_cancelled_mailings_have_a_badge_and_a_filter(as_viewer, workspace):
    mailing = launched(workspace, name="Stopped")
    make_mailing(workspace, name="Draft")
    cancel_run(mailing.run)

    answer = as_viewer.get(reverse("mailings"), {"status": "cancelled"})

    assert [row.name for row in answer.context["page"].rows] == ["Stopped"]
    assert text_of(answer).count(">Cancelled<") == 2


# The careful start --------------------------------------------------------------------
def test_the_page_says_that_the_others_are_held_back(as_viewer, workspace):
    mailing = launched(workspace)
    Run.objects.update(canary=1)
    Slice.objects.update(status=SliceStatus.HELD)

    page = text_of(as_viewer.get(url("mailing", mailing)))

    assert "Careful start: 1 recipient first" in page


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("canary_failed", "The careful start went badly"),
        ("many_refused", "refused too many of the last letters"),
    ],
)
def test_a_verdict_is_told_with_its_figures_and_the_commonest_reply(
    as_viewer, workspace, code, words
):
    """BNC-08"""
    mailing = launched(workspace)
    Run.objects.update(
        status=RunStatus.PAUSED,
        pause_code=code,
        pause_text="30/2/200 550 5.1.1 No such user",
    )

    page = text_of(as_viewer.get(url("mailing", mailing)))

    assert words in page
    assert "Of 200 attempts, 30 failed. The outcome of 2 is unknown." in page
    assert "<code>550 5.1.1 No such user</code>" in page


# A missed start -----------------------------------------------------------------------
@pytest.fixture
def missed(workspace) -> Any:
    make_recipient(workspace)
    mailing = launched(
        workspace,
        start_at=timezone.now() + dt.timedelta(hours=1),
        missed_rule=MissedRule.ASK,
    )
    launch_due(timezone.now() + dt.timedelta(hours=2))
    return mailing


def test_a_missed_start_asks(as_manager, as_viewer, missed):
    page = text_of(as_manager.get(url("mailing", missed)))

    assert "The start was missed" in page
    assert "Do not send" in page
    assert "Cancel the schedule" not in page
    assert "Do not send" not in text_of(as_viewer.get(url("mailing", missed)))
    quiet = as_manager.get(f"{url('mailing-live', missed)}?was=asks")
    assert quiet.status_code == 204


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("mailing-launch", MailingStatus.RUNNING),
        ("mailing-cancel", MailingStatus.CREATED),
    ],
)
def test_the_answer_is_done(as_manager, missed, name, status):
    as_manager.post(url(name, missed))

    mailing = Mailing.objects.get()
    assert (mailing.status, mailing.note) == (status, "")


def test_a_start_that_was_skipped_is_explained(as_viewer, workspace):
    mailing = make_mailing(workspace, note="missed")

    page = text_of(as_viewer.get(url("mailing", mailing)))

    assert "The scheduled launch did not come about" in page
    assert "Its start was missed" in page


# The form -----------------------------------------------------------------------------
def test_the_form_keeps_both_choices(as_editor, workspace):
    as_editor.post(
        reverse("mailing-add"), filled(workspace, missed_rule="ask", canary="on")
    )
    mailing = Mailing.objects.get()
    assert (mailing.missed_rule, mailing.canary) == (MissedRule.ASK, True)

    as_editor.post(url("mailing-edit", mailing), filled(workspace))
    mailing.refresh_from_db()
    assert (mailing.missed_rule, mailing.canary) == (MissedRule.SEND, False)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-03-29T01:59", "2026-03-29T00:59+00:00"),  # before the clocks go on
        ("2026-03-29T03:00", "2026-03-29T01:00+00:00"),  # one minute later
        ("2026-10-25T01:59", "2026-10-24T23:59+00:00"),
        ("2026-10-25T03:00", "2026-10-25T02:00+00:00"),
    ],
)
def test_the_start_is_meant_in_the_workspaces_time_zone(
    as_editor, workspace, typed, meant
):
    workspace.time_zone = "Europe/Berlin"
    workspace.save()

    as_editor.post(reverse("mailing-add"), filled(workspace, start_at=typed))

    mailing = Mailing.objects.get()
    assert mailing.start_at == dt.datetime.fromisoformat(meant)
    form = text_of(as_editor.get(url("mailing-edit", mailing)))
    assert f'value="{typed}"' in form


@pytest.mark.parametrize("typed", ["2026-03-29T02:30", "2026-10-25T02:30"])
def test_a_time_that_does_not_exist_or_comes_twice_is_refused(
    as_editor, workspace, typed
):
    workspace.time_zone = "Europe/Berlin"
    workspace.save()

    answer = as_editor.post(reverse("mailing-add"), filled(workspace, start_at=typed))

    assert list(answer.context["form"].errors) == ["start_at"]
    assert not Mailing.objects.exists()
