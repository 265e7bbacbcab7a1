"""A run's life, and the leases of its slices."""

from __future__ import annotations

import contextlib
import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from mailcore.smtp.sink import Sink
from pochtar.accounts.models import Workspace
from pochtar.base.errors import Conflict
from pochtar.delivery import runs
from pochtar.delivery.holders import held, this_process
from pochtar.delivery.ledger import audit_run, count_states
from pochtar.delivery.models import Attempt, Delivery, Run, RunStatus, Slice
from pochtar.delivery.runs import (
    expire_run,
    finish_run_if_done,
    lease_slice,
    leave_run,
    pause_run,
    recover_dead_leases,
    resume_run,
    take_over_run,
)
from pochtar.delivery.ticks import tick_runs
from tests.make import make_list, make_recipient
from tests.pochtar.delivery.launching import launch, make_people

pytestmark = pytest.mark.django_db
NOWHERE = Sink(port=25)


@pytest.fixture
def run(workspace: Workspace, settings: Any) -> Run:
    settings.DELIVERY_SLICE_SIZE = 4
    make_people(workspace, 10)
    return launch(workspace, NOWHERE)


def test_an_audience_is_frozen_in_order_and_cut_into_slices(run: Run) -> None:
    """SMTP-21"""
    rows = list(Delivery.objects.filter(run=run).order_by("position"))

    assert [row.position for row in rows] == list(range(1, 11))
    assert rows[0].email == "r0001@example.com"
    slices = Slice.objects.filter(run=run).order_by("first_position")
    assert list(slices.values_list("first_position", "last_position", "cursor")) == [
        (1, 4, 0),
        (5, 8, 4),
        (9, 10, 8),
    ]
    assert run.selected == 10


def test_only_the_chosen_are_frozen(workspace: Workspace) -> None:
    anna = make_recipient(workspace)
    make_recipient(workspace)
    chosen = make_list(workspace, anna).recipients.all()

    from_list = launch(workspace, NOWHERE)
    Run.objects.all().delete()
    assert from_list.selected == 2
    assert chosen.count() == 1


def test_what_is_changed_later_does_not_touch_the_run(
    workspace: Workspace, run: Run
) -> None:
    make_recipient(workspace, "late@example.com")

    run.refresh_from_db()
    assert run.selected == Delivery.objects.filter(run=run).count() == 10
    assert run.subject == "Осенние новинки"


def test_an_empty_audience_is_refused_and_leaves_nothing(workspace: Workspace) -> None:
    with pytest.raises(Conflict) as caught:
        launch(workspace, NOWHERE)

    assert caught.value.code == "no_recipients"
    assert not Run.objects.exists()


def test_pause_and_resume_each_happen_once(run: Run) -> None:
    assert pause_run(run, code="by_person", text="")
    assert not pause_run(run, code="other", text="")
    run.refresh_from_db()
    assert (run.status, run.pause_code) == (RunStatus.PAUSED, "by_person")
    assert lease_slice(run) is None

    assert resume_run(run)
    assert not resume_run(run)
    run.refresh_from_db()
    assert (run.status, run.pause_code) == (RunStatus.RUNNING, "")


def test_a_run_is_driven_by_one_command_from_its_first_moment_on(run: Run) -> None:
    """Issue §6: one run. Between launch and first lease, nothing is in hand yet."""
    with running_elsewhere() as another:
        Run.objects.update(driven_by=another)
        assert not take_over_run(run)
    assert take_over_run(run)  # the other command is dead

    run.refresh_from_db()
    assert run.driven_by == this_process()
    leave_run(run)
    run.refresh_from_db()
    assert run.driven_by == ""


def test_a_run_that_workers_have_in_hand_is_not_taken_over(run: Run) -> None:
    lease_slice(run)

    assert not take_over_run(run)


@contextlib.contextmanager
def running_elsewhere() -> Iterator[str]:
    """Yield the holder's name of another process that lives."""
    code = (
        "from pochtar.delivery.holders import this_process;"
        "print(this_process(), flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout
        yield child.stdout.readline().strip()
        child.communicate("\n")


def test_a_slice_is_leased_by_one(run: Run) -> None:
    """SMTP-26"""
    leased = [lease_slice(run) for _ in range(4)]

    positions = [slice_ and slice_.first_position for slice_ in leased]
    assert positions == [1, 5, 9, None]
    assert leased[0]
    assert lease_slice(run, slice_id=leased[0].pk) is None


def test_a_run_is_completed_only_when_no_slice_is_open(run: Run) -> None:
    assert not finish_run_if_done(run)

    Slice.objects.filter(run=run).update(status="done")
    assert finish_run_if_done(run)
    assert not finish_run_if_done(run)
    run.refresh_from_db()
    assert (run.status, bool(run.finished_at)) == (RunStatus.COMPLETED, True)


def test_a_silent_holder_loses_its_lease_and_its_letters_are_unknown(run: Run) -> None:
    slice_ = lease_slice(run)
    assert slice_
    Slice.objects.filter(pk=slice_.pk).update(cursor=3)
    assert recover_dead_leases(now=timezone.now()) == 0

    later = timezone.now() + dt.timedelta(minutes=2)
    assert recover_dead_leases(now=later) == 1

    slice_.refresh_from_db()
    assert (slice_.status, slice_.lease_token, slice_.cursor) == ("ready", None, 3)
    counts = count_states(run)
    assert (counts.unknown, counts.pending, counts.sending) == (3, 7, 0)
    assert audit_run(run) == []
    assert set(Attempt.objects.values_list("reason", flat=True)) == {"interrupted"}


def test_a_dead_holder_on_this_machine_loses_its_lease_at_once(run: Run) -> None:
    slice_ = lease_slice(run)
    assert slice_
    host = slice_.leased_by.split("|")[0]
    Slice.objects.filter(pk=slice_.pk).update(leased_by=f"{host}|999999999|1")

    assert recover_dead_leases(now=timezone.now()) == 1


def test_a_lease_that_this_process_forgot_is_recovered_at_once(run: Run) -> None:
    """SMTP-25: its worker could not give it up, for the database was away."""
    slice_ = lease_slice(run)
    assert slice_
    assert recover_dead_leases(now=timezone.now()) == 0

    held.discard(slice_.lease_token)

    assert recover_dead_leases(now=timezone.now()) == 1


def test_a_lease_whose_commit_failed_is_not_held(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SMTP-25"""
    before = set(held)
    first = Slice.objects.filter(run=run, first_position=1)
    first.update(cursor=2)  # an earlier holder's

    def away(*args: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(runs, "_record_untried", away)
    with pytest.raises(OperationalError):
        lease_slice(run)

    assert held == before


def test_past_the_time_to_stop_the_rest_is_skipped(run: Run) -> None:
    now = timezone.now()
    run.stop_at = now - dt.timedelta(seconds=1)
    run.save()
    Slice.objects.filter(run=run, first_position=1).update(cursor=2)
    held = lease_slice(run, slice_id=Slice.objects.get(first_position=9).pk)

    assert expire_run(run, now=now) == 6
    assert not finish_run_if_done(run)
    assert held
    assert expire_run(Run.objects.get(pk=run.pk), now=now) == 0

    counts = count_states(run)
    assert (counts.skipped, counts.unknown, counts.pending) == (6, 2, 2)
    assert audit_run(run) == []


def test_before_the_time_to_stop_nobody_is_skipped(run: Run) -> None:
    run.stop_at = timezone.now() + dt.timedelta(hours=1)

    assert expire_run(run, now=timezone.now()) == 0


def test_the_tick_completes_skips_and_asks_for_workers(run: Run) -> None:
    tick_runs()
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING

    Run.objects.update(stop_at=timezone.now() - dt.timedelta(seconds=1))
    tick_runs()

    run.refresh_from_db()
    assert run.status == RunStatus.COMPLETED
    assert count_states(run).skipped == 10


def test_the_audit_finds_what_does_not_add_up(run: Run) -> None:
    assert audit_run(run) == []
    delivery = Delivery.objects.get(run=run, position=3)
    Attempt.objects.create(
        workspace=run.workspace,
        run=run,
        delivery=delivery,
        outcome="accepted",
        at=timezone.now(),
    )
    Run.objects.update(status=RunStatus.COMPLETED, finished_at=timezone.now())
    run.refresh_from_db()

    findings = "\n".join(audit_run(run))

    assert "the figures say" in findings
    assert "beyond their slice's cursor" in findings
    assert "3 slices are not" in findings
    assert "somebody was not tried" in findings
