"""How far a run has come, in figures."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from pochtar.delivery.models import Run, RunStatus, Tally
from pochtar.mailings.launch import launch_mailing
from pochtar.web.progress import Progress, live_progress, progress_of
from tests.make import make_mailing, make_recipient

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(second=30, microsecond=0)


@pytest.fixture
def run(workspace):
    for _ in range(10):
        make_recipient(workspace)
    mailing = make_mailing(workspace)
    begun = NOW - dt.timedelta(minutes=10)
    launch_mailing(mailing, by=None, now=begun, nudge=False)
    return mailing.run


def count(run, minutes_ago, **counts):
    minute = NOW.replace(second=0) - dt.timedelta(minutes=minutes_ago)
    Tally.objects.create(workspace=run.workspace, run=run, minute=minute, **counts)


def test_the_figures_add_up_to_those_selected(run):
    count(run, 1, accepted=2, failed=1, unknown=1)
    count(run, 0, accepted=1, skipped=1)

    live = live_progress(run, now=NOW)

    assert (live.accepted, live.failed, live.unknown, live.skipped) == (3, 1, 1, 1)
    assert live.done + live.pending == live.selected == 10
    listed = progress_of([run])[run.pk]
    assert (listed.done, listed.pending) == (live.done, live.pending)


def test_the_rate_is_that_of_the_last_minutes(run):
    count(run, 9, accepted=1)
    count(run, 1, accepted=9)

    live = live_progress(run, now=NOW)

    assert live.rate == pytest.approx(9 / 90)


def test_time_left_follows_from_the_rate():
    assert Progress(selected=10, accepted=4, rate=2).seconds_left == 3
    assert Progress(selected=10, accepted=4).seconds_left is None
    assert Progress(selected=10, accepted=10, rate=2).seconds_left is None


def test_a_run_that_stands_still_has_no_rate(run):
    count(run, 0, accepted=1)
    Run.objects.update(status=RunStatus.PAUSED)
    run.refresh_from_db()

    assert live_progress(run, now=NOW).rate == 0


def test_a_run_without_attempts_is_all_pending(run):
    assert live_progress(run, now=NOW).pending == 10
    assert progress_of([run])[run.pk].pending == 10
