"""The pages that try again, and those of a mailing that goes on later."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pochtar.accounts.models import Workspace
from pochtar.delivery.models import Attempt, Outcome, Run, RunStatus, Slice
from pochtar.delivery.recording import attempts_without_server, record_attempts
from pochtar.delivery.retries import put_off
from pochtar.mailings.models import Mailing, MailingStatus
from pochtar.mailings.services import follow_runs
from tests.make import make_mailing, make_recipient
from tests.web.mailings import launched, url

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _english(
    as_owner: Client, as_editor: Client, as_manager: Client, as_viewer: Client
):
    for client in (as_owner, as_editor, as_manager, as_viewer):
        client.cookies["django_language"] = "en"


def ended(workspace: Workspace, *outcomes: str, status: str = "completed") -> Any:
    """A mailing whose recipients came to these outcomes."""
    for _one in outcomes[1:]:
        make_recipient(workspace)
    mailing = launched(workspace)
    run, now = mailing.run, timezone.now()
    for position, outcome in enumerate(outcomes, start=1):
        rows = attempts_without_server(
            [run.deliveries.get(position=position).pk],
            outcome=Outcome(outcome),
            reason="closed",
            at=now,
        )
        record_attempts(run, rows)
    Slice.objects.filter(run=run).update(status="done", cursor=len(outcomes))
    over = now if status == "completed" else None
    Run.objects.filter(pk=run.pk).update(status=RunStatus(status), finished_at=over)
    follow_runs()
    return Mailing.objects.get(pk=mailing.pk)


def read(client: Client, address: str) -> str:
    return " ".join(client.get(address).content.decode().split())


def test_the_confirmation_counts_those_for_now_and_all(as_manager, workspace):
    mailing = ended(workspace, "failed", "failed", "failed", "accepted")
    first = Attempt.objects.filter(outcome="failed").first()
    assert first
    Attempt.objects.filter(pk=first.pk).update(permanent=True)

    page = read(as_manager, url("mailing-retry-failed", mailing))

    assert "Who failed for now · <strong>2</strong>" in page
    assert "All who failed · <strong>3</strong>" in page


@pytest.mark.parametrize(("whom", "number"), [("for_now", 1), ("all", 2)])
def test_retrying_opens_the_mailing_again(as_manager, workspace, whom, number):
    mailing = ended(workspace, "failed", "failed")
    first = Attempt.objects.first()
    assert first
    Attempt.objects.filter(pk=first.pk).update(permanent=True)

    answer = as_manager.post(url("mailing-retry-failed", mailing), {"whom": whom})

    assert answer.url == url("mailing", mailing)
    mailing.refresh_from_db()
    assert mailing.status == MailingStatus.RUNNING
    again = Slice.objects.get(source="failed")
    assert again.for_now_only is (number == 1)


def test_the_unknown_are_warned_of_twice(as_manager, workspace):
    """SMTP-24"""
    mailing = ended(workspace, "unknown", "accepted")
    address = url("mailing-send-unknown", mailing)

    assert "Some of them will get it twice" in read(as_manager, address)
    as_manager.post(address)

    assert Slice.objects.get(source="unknown").attempt_number == 2


@pytest.mark.parametrize("name", ["mailing-retry-failed", "mailing-send-unknown"])
def test_a_running_mailing_is_not_tried_again(as_manager, workspace, name):
    mailing = launched(workspace)

    for answer in (
        as_manager.get(url(name, mailing)),
        as_manager.post(url(name, mailing)),
    ):
        assert answer.status_code == 409
        assert "let it end before you try again" in answer.content.decode()


def test_the_page_offers_what_can_be_done(as_manager, as_viewer, workspace):
    mailing = ended(workspace, "failed", "unknown")
    page = read(as_manager, url("mailing", mailing))

    assert url("mailing-retry-failed", mailing) in page
    assert url("mailing-send-unknown", mailing) in page
    assert url("mailing-retry-failed", mailing) not in read(
        as_viewer, url("mailing", mailing)
    )


def test_nothing_is_offered_when_all_went_well(as_manager, workspace):
    mailing = ended(workspace, "accepted", "accepted")
    page = read(as_manager, url("mailing", mailing))

    assert "Once more" not in page
    assert "There is nobody left" in read(
        as_manager, url("mailing-retry-failed", mailing)
    )


def test_the_page_says_when_the_next_try_is(as_viewer, workspace, settings):
    settings.RETRY_HOURS = 48
    mailing = ended(workspace, "deferred", "accepted", status="running")
    later = put_off(mailing.run, Slice.objects.get())
    assert later

    page = read(as_viewer, url("mailing", mailing))

    assert "All others have been tried." in page
    assert later.due_at.isoformat() in page
    assert "for 48 hours at most" in page


def test_several_tries_of_one_delivery_are_told_apart(as_viewer, workspace):
    mailing = ended(workspace, "deferred")
    rows = attempts_without_server(
        [mailing.run.deliveries.get().pk],
        outcome=Outcome.ACCEPTED,
        reason="",
        at=timezone.now() + dt.timedelta(minutes=15),
    )
    record_attempts(mailing.run, rows, number=2, source="deferred")

    page = read(as_viewer, url("mailing", mailing))

    assert "try 2" in page
    assert "try 1" not in page
    assert page.index("try 2") < page.index("Put off</span>")


# To those added since -----------------------------------------------------------------


def test_those_added_since_get_a_draft_of_their_own(as_editor, workspace):
    mailing = ended(workspace, "accepted")
    make_recipient(workspace, "new@example.com")

    answer = as_editor.post(url("mailing-follow-up", mailing))

    draft = Mailing.objects.get(follows=mailing)
    assert answer.url == url("mailing-edit", draft)
    form = read(as_editor, answer.url)
    assert f"Without those who were written to by “{mailing.name}”" in form
    shown = read(as_editor, url("mailing", draft))
    assert "without those who were written to by" in shown
    assert "1 recipient now" in shown


def test_the_form_counts_only_those_added_since(as_editor, workspace):
    mailing = ended(workspace, "accepted")
    make_recipient(workspace, "new@example.com")
    asked = {"audience": "everybody"}

    everybody = as_editor.post(reverse("mailing-count"), asked)
    since = as_editor.post(
        reverse("mailing-count"), asked | {"follows": str(mailing.pk)}
    )

    assert "<strong>2</strong>" in everybody.content.decode()
    assert "<strong>1</strong>" in since.content.decode()


def test_a_draft_is_followed_by_nothing(as_editor, workspace):
    answer = as_editor.post(url("mailing-follow-up", make_mailing(workspace)))

    assert answer.status_code == 409
    assert Mailing.objects.count() == 1
