"""The moment in which a launch can be taken back."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from mailcore.smtp.sink import Sink, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery.driver import drive_run
from pochtar.delivery.ledger import count_states
from pochtar.delivery.models import Run, RunStatus, Slice, SliceStatus
from pochtar.delivery.runs import lease_slice
from pochtar.delivery.ticks import tick_runs
from pochtar.delivery.undo import can_be_undone, start_at_once, withdraw_run
from tests.pochtar.delivery.launching import launch, make_people

pytestmark = pytest.mark.django_db
NOWHERE = Sink(port=25)
WINDOW = dt.timedelta(seconds=30)


@pytest.fixture
def run(workspace: Workspace, settings) -> Run:
    settings.DELIVERY_SLICE_SIZE = 4
    make_people(workspace, 10)
    return launch(workspace, NOWHERE, undo_until=timezone.now() + WINDOW)


def test_nothing_is_leased_before_the_window_ends(run: Run) -> None:
    assert run.undo_until
    tick_runs()

    assert can_be_undone(run, now=timezone.now())
    assert lease_slice(run) is None
    assert not can_be_undone(run, now=run.undo_until)
    assert lease_slice(run, now=run.undo_until)


def test_a_withdrawn_run_cannot_be_leased_even_later(run: Run) -> None:
    assert run.undo_until
    assert withdraw_run(run, now=timezone.now())

    assert lease_slice(run, now=run.undo_until + WINDOW) is None


@pytest.mark.parametrize(
    "touch",
    [
        # A worker whose clock is fast has taken a slice, or given one back.
        lambda run: lease_slice(run, now=run.undo_until),
        lambda run: Slice.objects.filter(first_position=1).update(cursor=1),
        lambda run: Run.objects.update(undo_until=timezone.now()),
        lambda run: Run.objects.update(status=RunStatus.PAUSED),
    ],
    ids=["leased", "passed", "over", "paused"],
)
def test_too_late_is_refused_and_nothing_is_changed(run: Run, touch) -> None:
    """SMTP-26"""
    touch(run)
    before = list(Slice.objects.order_by("pk").values("status", "cursor"))
    status = Run.objects.get().status

    assert not withdraw_run(run, now=timezone.now())
    assert list(Slice.objects.order_by("pk").values("status", "cursor")) == before
    assert Run.objects.get().status == status


def test_it_can_start_at_once(workspace: Workspace) -> None:
    make_people(workspace, 3)
    now = timezone.now()
    with sink_in_thread() as sink:
        run = launch(workspace, sink, undo_until=now + WINDOW)
        assert start_at_once(run, now=now)
        assert not start_at_once(run, now=now)
        run = drive_run(run)

    assert count_states(run).accepted == 3
    assert not Slice.objects.exclude(status=SliceStatus.DONE).exists()
