"""Another try when a person asks for it: only those meant, nobody twice at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from mailcore.smtp.sink import Script, Step, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery.again import count_left, try_again
from pochtar.delivery.ledger import count_states
from pochtar.delivery.models import Outcome, Run, RunStatus, Slice
from pochtar.delivery.runs import lease_slice, pause_run, recover_lease
from tests.pochtar.delivery.launching import launch, make_people
from tests.pochtar.delivery.passing import (
    answers,
    check_sums,
    drive_due,
    let_pass,
    outcomes,
)

pytestmark = pytest.mark.django_db
NO_MAILBOX, BLOCKED, LATER = (
    "550 5.1.1 no such user",
    "554 5.7.1 blocked by zen.spamhaus.org",
    "451 4.3.0 later",
)


@pytest.fixture(autouse=True)
def _small_slices(settings: Any) -> None:
    settings.DELIVERY_SLICE_SIZE = 4


def test_those_who_failed_for_now_are_tried_again(workspace: Workspace) -> None:
    make_people(workspace, 10)
    script = answers(r0001=[NO_MAILBOX] * 3, r0002=[BLOCKED], r0009=[LATER])
    with sink_in_thread(script) as sink:
        run = drive_due(launch(workspace, sink))
        left = count_left(run)
        assert (left.failed_for_now, left.failed, left.failed_for_good) == (2, 3, 1)

        assert try_again(run, Outcome.FAILED, for_now_only=True, nudge=False) == 2
        run.refresh_from_db()
        assert (run.status, run.finished_at) == (RunStatus.RUNNING, None)
        check_sums(run)
        firsts = Slice.objects.filter(run=run, source="failed")
        assert list(firsts.values_list("first_position", flat=True)) == [1, 9]
        run = drive_due(run)

    assert run.status == RunStatus.COMPLETED
    assert outcomes(run, "r0001@example.com") == [(1, "failed")]
    assert outcomes(run, "r0002@example.com") == [(1, "failed"), (2, "accepted")]
    assert len(sink.accepted) == len({one.rcpt_to for one in sink.accepted}) == 9


def test_all_who_failed_are_tried_again(workspace: Workspace) -> None:
    make_people(workspace, 3)
    script = answers(r0001=[NO_MAILBOX], r0002=[BLOCKED])
    with sink_in_thread(script) as sink:
        run = drive_due(launch(workspace, sink))
        assert try_again(run, Outcome.FAILED, nudge=False) == 2
        run = drive_due(run)

    assert count_states(run).accepted == 3


def test_the_unknown_get_it_only_when_it_is_asked_for(workspace: Workspace) -> None:
    """SMTP-24"""
    make_people(workspace, 3)
    script = Script(dots={"r0002@example.com": Step(drop=True)})
    with sink_in_thread(script) as sink:
        run = drive_due(launch(workspace, sink))
        assert count_left(run).unknown == 1
        assert run.status == RunStatus.COMPLETED
        script.dots = {}
        assert try_again(run, Outcome.UNKNOWN, nudge=False) == 1
        run = drive_due(run)

    assert outcomes(run, "r0002@example.com") == [(1, "unknown"), (2, "accepted")]
    assert count_states(run).accepted == 3


def test_what_fails_again_is_put_off_with_a_time_of_its_own(
    workspace: Workspace, settings: Any
) -> None:
    settings.RETRY_HOURS = 4
    make_people(workspace, 2)
    script = answers(r0001=[LATER] * 99)
    with sink_in_thread(script) as sink:
        run = drive_due(launch(workspace, sink))
        while run.status == RunStatus.RUNNING:
            let_pass(run, hours=4)
            run = drive_due(run)
        assert count_left(run).failed_for_now == 1
        assert try_again(run, Outcome.FAILED, for_now_only=True, nudge=False) == 1
        run = drive_due(run)

    assert (run.status, count_states(run).deferred) == (RunStatus.RUNNING, 1)


def test_nothing_is_tried_while_the_run_runs_or_nobody_is_left(
    workspace: Workspace,
) -> None:
    make_people(workspace, 2)
    with sink_in_thread(answers(r0001=[LATER])) as sink:
        run = launch(workspace, sink)
        assert try_again(run, Outcome.FAILED) == 0
        run = drive_due(run)
        assert try_again(run, Outcome.UNKNOWN) == 0
        run.refresh_from_db()
        assert run.status == RunStatus.COMPLETED
        assert try_again(run, Outcome.FAILED, nudge=False) == 1
        assert try_again(run, Outcome.FAILED, nudge=False) == 0


def test_a_paused_run_leaves_out_where_somebody_is_still_to_be_tried(
    workspace: Workspace, settings: Any
) -> None:
    """SMTP-26: two slices of one range are never open at once."""
    settings.RETRY_HOURS = 72
    make_people(workspace, 8)
    script = answers(r0001=[NO_MAILBOX], r0002=[LATER], r0005=[NO_MAILBOX])
    with sink_in_thread(script) as sink:
        run = drive_due(launch(workspace, sink))
        assert pause_run(run, code="by_person")
        run.refresh_from_db()
        assert count_left(run).failed == 1
        assert try_again(run, Outcome.FAILED, nudge=False) == 1
        run = drive_due(run)
        check_sums(run)

    assert outcomes(run, "r0005@example.com") == [(1, "failed"), (2, "accepted")]
    assert outcomes(run, "r0001@example.com") == [(1, "failed")]


@pytest.mark.parametrize("for_now_only", [True, False])
def test_a_death_in_the_middle_makes_unknown_who_was_in_hand(
    workspace: Workspace, for_now_only: bool
) -> None:
    """SMTP-21, SMTP-24"""
    make_people(workspace, 4)
    script = answers(r0001=[LATER], r0002=[NO_MAILBOX], r0004=[LATER])
    with sink_in_thread(script) as sink:
        run = drive_due(launch(workspace, sink))
        try_again(run, Outcome.FAILED, for_now_only=for_now_only, nudge=False)
        slice_ = lease_slice(Run.objects.get(pk=run.pk))
        assert slice_
        Slice.objects.filter(pk=slice_.pk).update(cursor=2)
        check_sums(run)
        in_hand = 1 if for_now_only else 2
        assert count_states(run).sending == in_hand
        slice_.refresh_from_db()
        recover_lease(slice_, now=timezone.now())
        check_sums(run)
        run = drive_due(Run.objects.get(pk=run.pk))

    assert count_states(run).unknown == in_hand
    assert run.status == RunStatus.COMPLETED
