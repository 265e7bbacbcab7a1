"""Cancelling a run: letters in hand are finished, the rest is skipped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest
from django.db import connections
from django.utils import timezone

from mailcore.engine.types import Result
from mailcore.smtp.sink import Script, Sink, Step, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery.driver import drive_run
from pochtar.delivery.ledger import audit_run, count_states
from pochtar.delivery.models import Attempt, Run, RunStatus, Slice, SliceStatus
from pochtar.delivery.runs import (
    cancel_run,
    finish_run_if_done,
    lease_slice,
    open_runs,
    pause_run,
    recover_lease,
    resume_run,
)
from pochtar.delivery.tasks import deliver_slice
from pochtar.delivery.ticks import tick_runs
from tests.pochtar.delivery.launching import launch, make_people

pytestmark = pytest.mark.django_db
NOWHERE = Sink(port=25)


@pytest.fixture
def run(workspace: Workspace, settings) -> Run:
    settings.DELIVERY_SLICE_SIZE = 4
    make_people(workspace, 10)
    return launch(workspace, NOWHERE)


def test_a_cancelled_run_skips_who_was_not_tried_and_says_why(run: Run) -> None:
    """SMTP-26"""
    assert cancel_run(run)
    assert list(open_runs()) == [run]
    tick_runs()

    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED
    assert run.finished_at
    assert count_states(run).skipped == 10
    assert set(Attempt.objects.values_list("reason", flat=True)) == {"cancelled"}
    assert audit_run(run) == []
    assert not open_runs().exists()


def test_it_is_not_over_while_somebody_has_letters_in_hand(run: Run) -> None:
    """SMTP-26"""
    slice_ = lease_slice(run)
    assert slice_
    cancel_run(run)
    tick_runs()

    run.refresh_from_db()
    assert run.finished_at is None
    assert count_states(run).pending == 4

    recover_lease(slice_, now=timezone.now())
    tick_runs()
    wound_up = Run.objects.get(pk=run.pk)
    assert wound_up.finished_at
    assert count_states(wound_up).skipped == 10


def test_a_paused_run_is_cancelled_and_nothing_revives_it(run: Run) -> None:
    pause_run(run, code="by_person")

    assert cancel_run(run)
    assert not cancel_run(run)
    assert not resume_run(run)
    assert not pause_run(run, code="by_person")
    assert lease_slice(run) is None
    run.refresh_from_db()
    assert run.pause_code == ""


def test_a_completed_run_cannot_be_cancelled(run: Run) -> None:
    Slice.objects.update(status=SliceStatus.DONE)
    assert finish_run_if_done(run)

    assert not cancel_run(run)
    run.refresh_from_db()
    assert run.status == RunStatus.COMPLETED


def test_a_worker_that_is_nudged_winds_a_cancelled_run_up(run: Run) -> None:
    cancel_run(run)
    deliver_slice(Slice.objects.filter(run=run)[0].pk)

    run.refresh_from_db()
    assert run.finished_at
    assert count_states(run).skipped == 10


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("act", "status"),
    [
        (lambda run: pause_run(run, code="by_person"), RunStatus.PAUSED),
        (cancel_run, RunStatus.CANCELLED),
    ],
    ids=["pause", "cancel"],
)
def test_it_takes_effect_within_two_seconds_while_the_server_is_slow(
    workspace: Workspace, settings, act: Callable[[Run], bool], status: RunStatus
) -> None:
    """SMTP-26"""
    settings.DELIVERY_CONNECTIONS = 2
    make_people(workspace, 20)
    # The letters in hand (each connection has offered the next one with the dot) are
    # answered after that time; no other has begun by then.
    with sink_in_thread(Script(steps={"dot": Step(delay=2)})) as sink:
        run = launch(workspace, sink)

        def interfere() -> None:
            while sink.reached.get("dot", 0) < 2:
                time.sleep(0.01)
            assert act(run)
            connections.close_all()

        other = threading.Thread(target=interfere)
        other.start()
        run = drive_run(run)
        other.join()

    counts = count_states(run)
    assert run.status == status
    assert sink.reached["mail"] == counts.accepted == len(sink.accepted) <= 4
    assert (counts.unknown, counts.sending) == (0, 0)
    assert counts.pending + counts.skipped == 20 - counts.accepted
    assert audit_run(run) == []


@pytest.mark.django_db(transaction=True)
def test_cancelled_in_the_middle_nobody_gets_two_letters(workspace: Workspace) -> None:
    """SMTP-26"""
    make_people(workspace, 100)
    with sink_in_thread(Script(steps={"dot": Step(delay=0.005)})) as sink:
        run = launch(workspace, sink)

        def cancel(_batch: Sequence[Result]) -> None:
            cancel_run(run)

        run = drive_run(run, on_recorded=cancel)

    counts = count_states(run)
    assert run.status == RunStatus.CANCELLED
    assert run.finished_at
    assert 0 < counts.accepted == len({one.rcpt_to for one in sink.accepted}) < 100
    assert counts.accepted + counts.skipped == 100
    assert audit_run(run) == []
