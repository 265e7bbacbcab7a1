"""The questions of the home page."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from pochtar.delivery.models import Run, Tally
from pochtar.mailings.models import MailingStatus
from pochtar.reports import queries
from tests.make import make_mailing, make_recipient, make_relay, make_workspace

pytestmark = pytest.mark.django_db
NOON = dt.datetime(2026, 3, 15, 12, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _moscow(settings):
    with timezone.override("Europe/Moscow"):
        yield


def make_run(workspace, **over):
    fields = {"subject": "Осень", "from_email": "news@lavka.example", "selected": 10}
    relay = make_relay(workspace)
    return Run.objects.create(workspace=workspace, relay=relay, **fields | over)


def tally(run, minute, **counts):
    Tally.objects.create(workspace=run.workspace, run=run, minute=minute, **counts)


def test_days_are_the_reader_s_days(workspace):
    """22:30 UTC is the next day in Moscow."""
    run = make_run(workspace)
    tally(run, NOON.replace(day=14, hour=22, minute=30), accepted=5)
    tally(run, NOON, accepted=2, failed=1)

    days = queries.attempts_by_day(workspace, now=NOON)

    assert len(days) == 30
    assert days[0].date == dt.date(2026, 2, 14)
    assert days[-1] == queries.Day(
        date=dt.date(2026, 3, 15), successful=7, unsuccessful=1
    )
    assert days[-2].successful == 0


def test_attempts_older_than_the_chart_and_of_others_do_not_count(workspace):
    tally(make_run(workspace), NOON - dt.timedelta(days=30), accepted=5)
    tally(make_run(make_workspace()), NOON, accepted=5)

    days = queries.attempts_by_day(workspace, now=NOON)

    assert sum(day.successful for day in days) == 0


def test_people_who_were_skipped_are_no_attempts(workspace):
    tally(make_run(workspace), NOON, skipped=9, deferred=1, unknown=2)

    assert queries.attempts_by_day(workspace, now=NOON)[-1].unsuccessful == 3


def test_the_newest_mailings_come_first_with_their_progress(workspace):
    make_mailing(workspace, name="old")
    run = make_run(workspace)
    tally(run, NOON, accepted=4, skipped=1, deferred=2)
    make_mailing(workspace, name="new", status=MailingStatus.PAUSED, run=run)

    new, old = queries.recent_mailings(workspace)

    assert (new.mailing.name, old.mailing.name) == ("new", "old")
    assert old.progress is None
    assert new.progress
    assert (new.progress.finished, new.progress.selected) == (5, 10)


def test_a_mailing_is_active_from_its_launch_to_its_end(workspace):
    for status in (MailingStatus.RUNNING, MailingStatus.PAUSED):
        make_mailing(workspace, status=status, run=make_run(workspace))
    make_mailing(workspace, status=MailingStatus.SCHEDULED)

    found = queries.key_figures(workspace)

    assert (found.mailings, found.active) == (3, 2)


def test_a_small_audience_is_counted_exactly_and_a_big_one_once_in_a_while(
    workspace, monkeypatch
):
    monkeypatch.setattr(queries, "COUNT_EXACTLY_BELOW", 3)
    make_recipient(workspace)
    make_recipient(workspace)
    few = queries.count_recipients(workspace)
    make_recipient(workspace)
    many = queries.count_recipients(workspace)
    make_recipient(workspace)

    assert (few, many) == (2, 3)
    assert queries.count_recipients(workspace) == 3  # kept for five minutes


def test_the_first_steps_follow_what_is_there(workspace):
    empty = queries.first_steps(workspace)
    make_recipient(workspace)
    make_mailing(workspace)
    begun = queries.first_steps(workspace)

    assert empty.untouched
    assert (begun.recipients, begun.message, begun.mailing) == (True, True, True)
    assert not begun.finished
