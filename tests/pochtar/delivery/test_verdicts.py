"""The careful start, and the pause when too much is refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from mailcore.engine.types import OutcomeClass, Result
from mailcore.smtp.sink import Script, Sink, Step, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery.driver import drive_run, drive_slice
from pochtar.delivery.ledger import audit_run, count_states
from pochtar.delivery.models import (
    Delivery,
    Run,
    RunStatus,
    Slice,
    SliceStatus,
)
from pochtar.delivery.recording import record_attempts
from pochtar.delivery.runs import cancel_run, pause_run, resume_run
from pochtar.delivery.ticks import tick_runs
from pochtar.delivery.verdicts import (
    Verdict,
    canary_size,
    is_held,
    judge_run,
    read_verdict,
)
from pochtar.recipients.models import Recipient
from tests.pochtar.delivery.launching import launch

pytestmark = pytest.mark.django_db
NOWHERE = Sink(port=25)
DEAD = Step("550 5.1.1 No such user")


def many_people(workspace: Workspace, count: int) -> None:
    Recipient.objects.bulk_create(
        Recipient(workspace=workspace, email=email, email_key=email, basis="consent")
        for email in (f"r{number:05d}@example.com" for number in range(count))
    )


def refuse_all(stage: str, _argument: str, _times: int) -> Step | None:
    return DEAD if stage == "rcpt" else None


# The canary ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("selected", "size"),
    [(0, 0), (999, 0), (1000, 20), (1001, 21), (20_000, 400), (1_000_000, 1000)],
)
def test_the_canary_is_two_per_cent_within_limits(selected: int, size: int) -> None:
    assert canary_size(selected) == size


def test_the_canary_can_be_turned_off_for_the_installation(settings: Any) -> None:
    settings.CANARY_SHARE = 0
    assert canary_size(50_000) == 0


def test_the_canary_is_drawn_from_the_whole_audience(workspace: Workspace) -> None:
    many_people(workspace, 3000)
    run = launch(workspace, NOWHERE, canary=60)
    first = Delivery.objects.filter(run=run, position__lte=60)
    numbers = sorted(int(one.email[1:6]) for one in first)

    assert Delivery.objects.filter(run=run).count() == 3000
    # Not the first sixty, and from each third; the odds against it are astronomic.
    for third in (0, 1000, 2000):
        assert any(third <= number < third + 1000 for number in numbers)
    canary, *others = Slice.objects.filter(run=run).order_by("first_position")
    assert (canary.first_position, canary.last_position) == (1, 60)
    assert (canary.status, {one.status for one in others}) == ("ready", {"held"})
    assert others[0].first_position == 61
    assert others[-1].last_position == 3000


def test_the_others_follow_when_the_canary_went_well(workspace: Workspace) -> None:
    many_people(workspace, 100)
    with sink_in_thread() as sink:
        run = launch(workspace, sink, canary=20)
        report = drive_slice(run)
        assert report
        assert report.done
        assert not is_held(run)
        run = drive_run(run)

    assert (run.status, count_states(run).accepted) == (RunStatus.COMPLETED, 100)
    assert len({one.rcpt_to for one in sink.accepted}) == 100
    assert audit_run(run) == []


def test_a_bad_canary_pauses_and_a_person_lets_the_others_go(
    workspace: Workspace,
) -> None:
    """BNC-08"""
    many_people(workspace, 100)
    script = Script(choose=refuse_all)
    with sink_in_thread(script) as sink:
        run = drive_run(launch(workspace, sink, canary=20))
        assert (run.status, run.pause_code) == (RunStatus.PAUSED, "canary_failed")
        assert run.pause_text == "20/0/20 550 5.1.1 No such user"
        assert (count_states(run).failed, count_states(run).pending) == (20, 80)

        script.choose = None
        assert resume_run(run, nudge=False)
        run = drive_run(run)

    assert (run.status, count_states(run).accepted) == (RunStatus.COMPLETED, 80)
    assert run.resumed_at


def test_too_many_unknown_outcomes_are_a_bad_canary_too(workspace: Workspace) -> None:
    many_people(workspace, 100)
    run = launch(workspace, NOWHERE, canary=20)
    finish_canary(run, {"accepted": 18, "unknown": 2})

    assert judge_run(run)
    run.refresh_from_db()
    assert (run.pause_code, run.pause_text) == ("canary_failed", "0/2/20")


def test_ten_per_cent_failed_is_not_yet_too_many(workspace: Workspace) -> None:
    many_people(workspace, 100)
    run = launch(workspace, NOWHERE, canary=20)
    finish_canary(run, {"accepted": 14, "failed": 2, "deferred": 4})

    assert not judge_run(run)
    assert not is_held(run)


def test_the_tick_gives_the_verdict_that_nobody_gave(workspace: Workspace) -> None:
    many_people(workspace, 100)
    run = launch(workspace, NOWHERE, canary=20)
    finish_canary(run, {"failed": 20})
    tick_runs()

    run.refresh_from_db()
    assert run.pause_code == "canary_failed"


@pytest.mark.parametrize("outcome", ["accepted", "failed"])
def test_the_verdict_waits_while_a_person_has_paused(
    workspace: Workspace, outcome: str
) -> None:
    many_people(workspace, 100)
    run = launch(workspace, NOWHERE, canary=20)
    finish_canary(run, {outcome: 20})
    pause_run(run, code="by_person")

    assert not judge_run(run)
    assert is_held(run)
    resume_run(run, nudge=False)
    assert judge_run(run) == (outcome == "failed")
    assert not is_held(run)


def test_who_is_held_back_is_skipped_by_a_cancel(workspace: Workspace) -> None:
    many_people(workspace, 100)
    run = launch(workspace, NOWHERE, canary=20)
    cancel_run(run)
    tick_runs()

    run.refresh_from_db()
    assert run.finished_at
    assert count_states(run).skipped == 100


def finish_canary(run: Run, outcomes: dict[str, int]) -> None:
    kinds = [kind for kind, count in outcomes.items() for _ in range(count)]
    first = Delivery.objects.filter(run=run, position__lte=run.canary)
    record(run, [*zip(first, kinds, strict=True)])
    Slice.objects.filter(run=run, first_position=1).update(
        status=SliceStatus.DONE, cursor=run.canary
    )


def record(run: Run, made: list[tuple[Delivery, str]], **over: Any) -> None:
    results = [
        Result(
            delivery_id=delivery.pk,
            position=delivery.position,
            outcome=OutcomeClass(outcome),
            **{"at": timezone.now(), "permanent": outcome == "failed", **over},
        )
        for delivery, outcome in made
    ]
    record_attempts(run, results)


# The refusals -------------------------------------------------------------------------
def test_a_relay_that_refuses_everybody_is_stopped_after_a_few_hundred(
    workspace: Workspace,
) -> None:
    """BNC-08, SMTP-17"""
    many_people(workspace, 1500)
    with sink_in_thread(Script(choose=refuse_all)) as sink:
        run = drive_run(launch(workspace, sink))

    counts = count_states(run)
    assert (run.status, run.pause_code) == (RunStatus.PAUSED, "many_refused")
    assert 200 <= counts.failed <= 500
    assert counts.failed + counts.pending == 1500
    verdict = read_verdict(run.pause_text)
    assert verdict
    assert verdict.failed == verdict.tried >= 200
    assert verdict.reply == "550 5.1.1 No such user"


def test_the_same_old_errors_do_not_pause_it_again(workspace: Workspace) -> None:
    """BNC-08"""
    many_people(workspace, 700)
    script = Script(choose=refuse_all)
    with sink_in_thread(script) as sink:
        run = drive_run(launch(workspace, sink))
        refused = count_states(run).failed
        script.choose = None
        resume_run(run, nudge=False)
        run = drive_run(run)

    assert run.status == RunStatus.COMPLETED
    assert count_states(run).accepted == 700 - refused


def test_new_errors_after_a_person_went_on_pause_it_again(workspace: Workspace) -> None:
    many_people(workspace, 1500)
    with sink_in_thread(Script(choose=refuse_all)) as sink:
        run = drive_run(launch(workspace, sink))
        once = count_states(run).failed
        resume_run(run, nudge=False)
        run = drive_run(run)

    assert (run.status, run.pause_code) == (RunStatus.PAUSED, "many_refused")
    assert once + 200 <= count_states(run).failed <= once + 500


@pytest.mark.parametrize(
    ("accepted", "failed", "over", "paused"),
    [
        (0, 199, {}, False),  # too few to say anything
        (0, 200, {}, True),
        (180, 20, {}, False),  # ten per cent
        (179, 21, {}, True),
        (0, 300, {"permanent": False}, False),  # for now
        (0, 300, {"at": timezone.now() - dt.timedelta(minutes=12)}, False),
    ],
)
def test_so_many_refusals_for_good_are_too_many(
    workspace: Workspace, accepted: int, failed: int, over: Any, paused: bool
) -> None:
    many_people(workspace, 400)
    run = launch(workspace, NOWHERE)
    rows = list(Delivery.objects.filter(run=run)[: accepted + failed])
    record(run, [(row, "accepted") for row in rows[:accepted]])
    record(run, [(row, "failed") for row in rows[accepted:]], **over)

    assert judge_run(run) == paused
    run.refresh_from_db()
    assert run.pause_code == ("many_refused" if paused else "")


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(tried=3, failed=1),
        Verdict(tried=30, failed=1, unknown=2, reply="550 5.1.1 a\nb"),
    ],
)
def test_a_verdict_is_read_back_from_its_text(verdict: Verdict) -> None:
    assert read_verdict(str(verdict)) == verdict
    assert read_verdict("smtp.example.org:25 – 550 no") is None
