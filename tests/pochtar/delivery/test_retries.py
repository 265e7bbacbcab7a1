"""Letters that were put off: later slices, over a real socket (SMTP-18, 19, 20)."""

from __future__ import annotations

import datetime as dt
from email import message_from_bytes
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from mailcore.engine.types import OutcomeClass, Result
from mailcore.smtp.sink import Script, Sink, Step, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery.ledger import audit_run, count_states, recount_states
from pochtar.delivery.models import Attempt, Run, RunStatus, Slice, SliceStatus
from pochtar.delivery.outbox import SliceStore
from pochtar.delivery.retries import next_try_at, only_waits, put_off
from pochtar.delivery.runs import (
    expire_run,
    lease_slice,
    pause_run,
    recover_lease,
    resume_run,
)
from pochtar.delivery.ticks import tick_runs
from tests.pochtar.delivery.launching import launch, make_people
from tests.pochtar.delivery.passing import (
    answers,
    check_sums,
    drive_due,
    let_pass,
    outcomes,
)

pytestmark = pytest.mark.django_db
LATER, GREYLISTED = "451 4.3.0 later", "450 4.7.1 greylisted"


@pytest.fixture(autouse=True)
def _tries_again(settings: Any) -> None:
    settings.RETRY_HOURS = 72
    settings.DELIVERY_SLICE_SIZE = 4


def later_of(run: Run) -> Slice:
    return Slice.objects.get(run=run, source="deferred", status=SliceStatus.READY)


def test_who_was_put_off_gets_the_same_letter_later(workspace: Workspace) -> None:
    """SMTP-18, SMTP-19, MSG-14: same envelope, same Message-ID, one letter."""
    make_people(workspace, 6)
    seen: list[str] = []

    def choose(stage: str, argument: str, _count: int) -> Step | None:
        if stage != "dot" or argument != "r0002@example.com" or seen:
            return None
        seen.append(argument)
        return Step("451 4.3.0 later")

    with sink_in_thread(Script(choose=choose)) as sink:
        run = drive_due(launch(workspace, sink))
        assert (run.status, count_states(run).deferred) == (RunStatus.RUNNING, 1)
        assert only_waits(run)
        assert next_try_at(run) == later_of(run).due_at
        let_pass(run, minutes=20)
        run = drive_due(run)

    assert (run.status, count_states(run).accepted) == (RunStatus.COMPLETED, 6)
    assert outcomes(run, "r0002@example.com") == [(1, "deferred"), (2, "accepted")]
    letters = [message_from_bytes(one.data) for one in sink.accepted]
    assert len({one["Message-ID"] for one in letters}) == len(letters) == 6


def test_the_envelope_does_not_change_between_tries(workspace: Workspace) -> None:
    """SMTP-18"""
    make_people(workspace, 1)
    with sink_in_thread(Script(steps={"dot": Step(LATER)})) as sink:
        run = drive_due(launch(workspace, sink))
        first = [line for line in sink.commands if line.startswith(("MAIL", "RCPT"))]
        let_pass(run, minutes=20)
        sink.script.steps = {}
        sink.commands.clear()
        drive_due(run)

    second = [line for line in sink.commands if line.startswith(("MAIL", "RCPT"))]
    assert first == second
    assert len(sink.accepted) == 1


def test_a_greylisted_slice_is_due_in_minutes(workspace: Workspace) -> None:
    """SMTP-18"""
    make_people(workspace, 3)
    script = answers(r0001=[LATER], r0003=[GREYLISTED])
    with sink_in_thread(script) as sink:
        run = drive_due(launch(workspace, sink))

    wait = later_of(run).due_at - timezone.now()
    assert dt.timedelta(minutes=4) < wait < dt.timedelta(minutes=10)


def test_a_later_slice_takes_only_those_who_were_put_off(workspace: Workspace) -> None:
    make_people(workspace, 4)
    script = answers(r0002=[LATER, LATER], r0003=["550 5.1.1 no such user"])
    with sink_in_thread(script) as sink:
        run = drive_due(launch(workspace, sink))
        sink.commands.clear()
        let_pass(run, minutes=20)
        run = drive_due(run)

        assert [line for line in sink.commands if "RCPT" in line] == [
            "RCPT TO:<r0002@example.com>"
        ]
        later = later_of(run)
        assert (later.step, later.attempt_number) == (2, 3)
        let_pass(run, minutes=40)
        run = drive_due(run)

    assert outcomes(run, "r0002@example.com") == [
        (1, "deferred"),
        (2, "deferred"),
        (3, "accepted"),
    ]
    counts = count_states(run)
    assert (counts.accepted, counts.failed, counts.deferred) == (3, 1, 0)


def test_after_the_time_to_give_up_it_has_failed(workspace: Workspace) -> None:
    """SMTP-19"""
    make_people(workspace, 2)
    with sink_in_thread(answers(r0001=[LATER] * 50)) as sink:
        run = drive_due(launch(workspace, sink))
        for _again in range(30):
            let_pass(run, hours=8)
            run = drive_due(run)

    assert run.status == RunStatus.COMPLETED
    last = Attempt.objects.filter(delivery__email="r0001@example.com").latest("number")
    assert (last.outcome, last.permanent, last.reason) == ("failed", False, "gave_up")
    assert (last.code, last.number) == (451, 10)


def test_nobody_is_tried_after_the_time_to_stop(workspace: Workspace) -> None:
    """SMTP-19: a try that would be due later is not made."""
    make_people(workspace, 1)
    soon = timezone.now() + dt.timedelta(minutes=5)
    with sink_in_thread(answers(r0001=[LATER])) as sink:
        run = drive_due(launch(workspace, sink, stop_at=soon))

    assert run.status == RunStatus.COMPLETED
    assert Attempt.objects.get(run=run).reason == "gave_up"


def test_who_waits_when_the_time_to_stop_comes_is_skipped(workspace: Workspace) -> None:
    make_people(workspace, 6)
    until = timezone.now() + dt.timedelta(hours=2)
    script = answers(r0001=[LATER], r0002=[LATER])
    with sink_in_thread(script) as sink:
        run = drive_due(launch(workspace, sink, stop_at=until))

    assert expire_run(run, now=until) == 2
    check_sums(run)
    tick_runs(until)
    counts = count_states(run)
    assert (counts.accepted, counts.skipped, counts.deferred) == (4, 2, 0)
    last = outcomes(run, "r0001@example.com")
    assert last == [(1, "deferred"), (2, "skipped")]


def test_a_slice_that_is_skipped_takes_those_it_put_off_along(
    workspace: Workspace,
) -> None:
    make_people(workspace, 4)
    until = timezone.now() + dt.timedelta(hours=2)
    with sink_in_thread(answers(r0001=[LATER])) as sink:
        run = launch(workspace, sink, stop_at=until)
        slice_ = lease_slice(run)
        assert slice_
        slice_.cursor = 1
        slice_.save()
        Attempt.objects.create(
            workspace=workspace,
            run=run,
            delivery=run.deliveries.get(position=1),
            outcome="deferred",
            code=451,
            stage="rcpt",
            at=timezone.now(),
        )
        recover_lease(slice_, now=timezone.now())

    assert expire_run(run, now=until) == 4
    assert recount_states(run).skipped == 4
    assert not Slice.objects.filter(run=run).exclude(status="done").exists()


def test_a_run_that_dies_in_a_later_slice_loses_and_repeats_nobody(
    workspace: Workspace,
) -> None:
    """SMTP-20, SMTP-24: what was in hand is unknown, the others are still put off."""
    make_people(workspace, 4)
    script = answers(r0001=[LATER], r0002=[LATER], r0004=[LATER])
    with sink_in_thread(script) as sink:
        run = drive_due(launch(workspace, sink))
        let_pass(run, minutes=20)
        slice_ = lease_slice(run)
        assert slice_
        Slice.objects.filter(pk=slice_.pk).update(cursor=2)
        counts = count_states(run)
        assert (counts.sending, counts.deferred) == (2, 1)
        check_sums(run)
        slice_.refresh_from_db()
        assert recover_lease(slice_, now=timezone.now())
        check_sums(run)
        run = drive_due(run)

    counts = count_states(run)
    assert (counts.accepted, counts.unknown) == (2, 2)
    assert run.status == RunStatus.COMPLETED


def test_a_later_slice_comes_with_its_end_or_not_at_all(workspace: Workspace) -> None:
    """SMTP-20: one transaction; twice is refused by the database."""
    make_people(workspace, 1)
    with sink_in_thread(answers(r0001=[LATER])) as sink:
        run = drive_due(launch(workspace, sink))

    first = Slice.objects.get(run=run, attempt_number=1)
    assert first.status == SliceStatus.DONE
    with pytest.raises(IntegrityError), transaction.atomic():
        put_off(run, first)
    assert Slice.objects.filter(run=run).count() == 2


def test_a_pause_holds_the_later_tries_too(workspace: Workspace) -> None:
    """SMTP-26"""
    make_people(workspace, 2)
    with sink_in_thread(answers(r0001=[LATER])) as sink:
        run = drive_due(launch(workspace, sink))
        let_pass(run, minutes=20)
        assert pause_run(run, code="by_person")
        assert lease_slice(run) is None
        assert resume_run(run, nudge=False)
        run = drive_due(run)

    assert count_states(run).accepted == 2


def test_the_letter_in_hand_of_a_relay_in_trouble_is_put_off(
    workspace: Workspace,
) -> None:
    """SMTP-17: a refused sender speaks against no recipient."""
    make_people(workspace, 2)
    with sink_in_thread(Script(steps={"mail": Step("550 5.7.1 not you")})) as sink:
        run = drive_due(launch(workspace, sink))
        assert (run.status, run.pause_code) == (RunStatus.PAUSED, "sender_refused")
        sink.script.steps = {}
        assert resume_run(run, nudge=False)
        run = drive_due(run)
        let_pass(run, minutes=20)
        run = drive_due(run)

    assert (run.status, count_states(run).accepted) == (RunStatus.COMPLETED, 2)


def test_many_due_slices_come_one_after_the_other(workspace: Workspace) -> None:
    """SMTP-20: after a night without power, as after any."""
    make_people(workspace, 40)
    with sink_in_thread(Script(steps={"rcpt": Step(GREYLISTED)})) as sink:
        run = drive_due(launch(workspace, sink))
        dues = Slice.objects.filter(run=run, source="deferred")
        assert len(set(dues.values_list("due_at", flat=True))) == 10
        sink.script.steps = {}
        let_pass(run, hours=24)
        run = drive_due(run)

    assert (run.status, count_states(run).accepted) == (RunStatus.COMPLETED, 40)
    assert len({one.rcpt_to for one in sink.accepted}) == len(sink.accepted) == 40


def test_an_installation_can_leave_trying_again_to_its_server(
    workspace: Workspace, settings: Any
) -> None:
    settings.RETRY_HOURS = 0
    make_people(workspace, 1)
    with sink_in_thread(answers(r0001=[LATER])) as sink:
        run = drive_due(launch(workspace, sink))

    assert run.status == RunStatus.COMPLETED
    assert Attempt.objects.get(run=run).outcome == "failed"


def test_the_audit_finds_who_was_put_off_and_forgotten(workspace: Workspace) -> None:
    """SMTP-20"""
    make_people(workspace, 2)
    with sink_in_thread(answers(r0001=[LATER])) as sink:
        run = drive_due(launch(workspace, sink))
    later_of(run).delete()

    assert audit_run(run) == ["1 were put off, and no later slice has them"]


def test_whom_an_earlier_holder_put_off_the_slice_takes_along(
    workspace: Workspace,
) -> None:
    """SMTP-20: who ends the slice need not have put anybody off himself."""
    make_people(workspace, 3)
    run = launch(workspace, Sink(port=25))
    for deferred, cursor in ((True, 1), (False, 3)):
        slice_ = lease_slice(run)
        assert slice_
        store = SliceStore(run, slice_, names=frozenset())
        lease = store.lease()
        items = store.read(lease, lease.cursor, 3)
        store.advance(lease, [], cursor)
        results = [
            Result(
                delivery_id=item.delivery_id,
                position=item.position,
                outcome=OutcomeClass.DEFERRED if deferred else OutcomeClass.ACCEPTED,
                at=timezone.now(),
            )
            for item in items
            if item.position <= cursor
        ]
        store.release(lease, results, cursor, not deferred)

    assert Slice.objects.get(run=run, source="deferred").attempt_number == 2
    assert count_states(run).deferred == 1
    assert audit_run(run) == []
