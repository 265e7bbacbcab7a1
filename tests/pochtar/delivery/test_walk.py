"""A run walked at random: whatever comes when, the books are right, nobody gets two.

Workers are played by hand on the real store: they lease, intend, hear answers, give
back, and are killed; people pause, continue, cancel and take back in between.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import pytest
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mailcore.engine.types import Item, Lease, LeaseLost, OutcomeClass, Result
from mailcore.smtp.sink import Sink
from pochtar.delivery.ledger import audit_run, count_states, recount_states
from pochtar.delivery.models import Attempt, Run, Slice
from pochtar.delivery.outbox import SliceStore
from pochtar.delivery.runs import (
    cancel_run,
    lease_slice,
    pause_run,
    recover_lease,
    resume_run,
)
from pochtar.delivery.ticks import tick_runs
from pochtar.delivery.undo import start_at_once, withdraw_run
from pochtar.mailings.services import delete_history
from tests.make import make_workspace
from tests.pochtar.delivery.launching import launch, make_people

PEOPLE = 12
WINDOW = dt.timedelta(hours=1)
ANSWERS = (
    OutcomeClass.ACCEPTED,
    OutcomeClass.FAILED,
    OutcomeClass.UNKNOWN,
    OutcomeClass.SKIPPED,
)


@dataclass(kw_only=True)
class Worker:
    """A process with a slice in hand; it does not notice that it was given up."""

    store: SliceStore
    lease: Lease
    cursor: int
    in_hand: list[Item] = field(default_factory=list)
    goes_on: bool = True


class Walk(RuleBasedStateMachine):
    @initialize(canary=st.sampled_from([0, 3]), waits=st.booleans())
    def begin(self, canary: int, waits: bool) -> None:
        workspace = make_workspace()
        make_people(workspace, PEOPLE)
        until = timezone.now() + WINDOW if waits else None
        self.run_ = launch(workspace, Sink(port=25), canary=canary, undo_until=until)
        self.workers: list[Worker] = []
        self.offered: list[int] = []
        self.accepted = 0
        self.ends: dict[int, str] = {}

    def teardown(self) -> None:
        for run in Run.objects.all():
            delete_history(run)

    @property
    def run_row(self) -> Run | None:
        return Run.objects.filter(pk=self.run_.pk).first()

    # Workers --------------------------------------------------------------------------
    @rule()
    def lease(self) -> None:
        slice_ = lease_slice(self.run_)
        if not slice_:
            return
        run = Run.objects.get(pk=self.run_.pk)
        assert run.status == "running"
        store = SliceStore(run, slice_, names=frozenset())
        self.workers.append(
            Worker(store=store, lease=store.lease(), cursor=slice_.cursor)
        )

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, 9), count=st.integers(1, 3), data=st.data())
    def advance(self, which: int, count: int, data: st.DataObject) -> None:
        worker = self.workers[which % len(self.workers)]
        items = []
        if worker.goes_on:
            items = worker.store.read(worker.lease, worker.cursor, count)
        cursor = items[-1].position if items else worker.cursor
        results = self.answers(worker, data)
        try:
            worker.goes_on, _withdrawn = worker.store.advance(
                worker.lease, results, cursor
            )
        except LeaseLost:
            self.workers.remove(worker)
            return
        # Only now may they go on the wire.
        self.hear(results)
        self.offered += [item.position for item in items]
        worker.in_hand, worker.cursor = items, cursor

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, 9), data=st.data())
    def release(self, which: int, data: st.DataObject) -> None:
        worker = self.workers.pop(which % len(self.workers))
        results = self.answers(worker, data)
        done = worker.cursor == worker.lease.last_position
        try:
            worker.store.release(worker.lease, results, worker.cursor, done)
        except LeaseLost:
            return
        self.hear(results)

    def answers(self, worker: Worker, data: st.DataObject) -> list[Result]:
        return [
            Result(
                delivery_id=item.delivery_id,
                position=item.position,
                outcome=data.draw(st.sampled_from(ANSWERS)),
                at=timezone.now(),
            )
            for item in worker.in_hand
        ]

    def hear(self, results: list[Result]) -> None:
        self.accepted += sum(one.outcome == OutcomeClass.ACCEPTED for one in results)

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, 9))
    def kill(self, which: int) -> None:
        """The process is dead, or only silent: then it will find its lease lost."""
        lease = self.workers[which % len(self.workers)].lease
        held = Slice.objects.filter(pk=lease.slice_id, lease_token=lease.token)
        if slice_ := held.first():
            recover_lease(slice_, now=timezone.now())

    # People ---------------------------------------------------------------------------
    @rule()
    def pause(self) -> None:
        pause_run(self.run_, code="by_person")

    @rule()
    def resume(self) -> None:
        resume_run(self.run_, nudge=False)

    @rule()
    def start_at_once(self) -> None:
        start_at_once(self.run_, now=timezone.now(), nudge=False)

    # Seldom: after it nothing happens any more.
    @precondition(lambda self: len(self.offered) > 4)
    @rule()
    def cancel(self) -> None:
        cancel_run(self.run_)

    @precondition(lambda self: self.run_row)
    @rule()
    def undo(self) -> None:
        before = count_states(self.run_)
        if withdraw_run(self.run_, now=timezone.now()):
            assert not self.offered
            assert before.pending == before.selected
            delete_history(Run.objects.get(pk=self.run_.pk))
            assert lease_slice(self.run_) is None

    @rule()
    def tick(self) -> None:
        tick_runs()

    # Promises -------------------------------------------------------------------------
    @invariant()
    def the_books_are_right(self) -> None:
        if not hasattr(self, "run_") or not (run := self.run_row):
            return
        counts = count_states(run)
        assert counts == recount_states(run)
        assert counts.selected == PEOPLE
        assert counts.accepted == self.accepted
        assert audit_run(run) == []

    @invariant()
    def nobody_is_offered_twice(self) -> None:
        if hasattr(self, "offered"):
            assert len(self.offered) == len(set(self.offered))

    @invariant()
    def what_has_ended_stays_as_it_is(self) -> None:
        if not hasattr(self, "ends"):
            return
        rows = Attempt.objects.filter(run=self.run_.pk)
        now = dict(rows.values_list("delivery_id", "outcome"))
        assert self.ends.items() <= now.items()
        self.ends = now

    @invariant()
    def a_run_that_is_over_leaves_nobody_out(self) -> None:
        if not hasattr(self, "run_") or not (run := self.run_row):
            return
        if run.finished_at:
            counts = count_states(run)
            assert counts.finished + counts.deferred == PEOPLE


@pytest.mark.django_db
def test_a_random_walk_keeps_the_books_and_sends_once(settings_slices: None) -> None:
    """SMTP-21, SMTP-26"""
    run_state_machine_as_test(Walk, settings=settings(stateful_step_count=25))


@pytest.fixture
def settings_slices(settings) -> None:
    settings.DELIVERY_SLICE_SIZE = 4
