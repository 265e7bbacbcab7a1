"""Whether and when a failure is tried again: SMTP-16, SMTP-18, SMTP-19, SMTP-20."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.engine.retry import Chain, Schedule, decide, settle
from mailcore.engine.types import OutcomeClass, Result

BEGAN = datetime(2026, 11, 24, 12, tzinfo=UTC)
CHAIN = Chain(
    step=0,
    began_at=BEGAN,
    ends_at=None,
    give_up_after=timedelta(hours=72),
    seed="run:1",
)
LATER = Result(
    delivery_id=1,
    position=1,
    outcome=OutcomeClass.FAILED,
    at=BEGAN,
    code=451,
    enhanced="4.3.0",
    reply="try later",
    stage="rcpt",
)
GREYLISTED = replace(LATER, code=450, enhanced="4.7.1")
FULL = replace(LATER, code=452, enhanced="4.2.2")


@pytest.mark.parametrize(
    ("step", "minutes"),
    [(0, 15), (1, 30), (2, 60), (3, 120), (4, 240), (5, 420), (9, 420)],
)
def test_the_steps_are_those_of_the_schedule(step: int, minutes: int) -> None:
    """SMTP-19"""
    due_in = decide(LATER, replace(CHAIN, step=step)).due_in

    assert due_in
    assert abs(due_in.total_seconds() / 60 - minutes) <= minutes * 0.1


def test_a_greylisted_letter_comes_back_in_five_to_ten_minutes_once() -> None:
    """SMTP-18"""
    first = decide(GREYLISTED, CHAIN)
    second = decide(GREYLISTED, replace(CHAIN, step=1))

    assert first.outcome is OutcomeClass.DEFERRED
    assert first.due_in
    assert timedelta(minutes=5) <= first.due_in <= timedelta(minutes=10)
    assert second.due_in
    assert second.due_in > timedelta(minutes=25)


@pytest.mark.parametrize(
    "final",
    [
        replace(LATER, code=550, enhanced="5.1.1", permanent=True),
        replace(LATER, code=554, enhanced="5.7.1", reply="blocked by a list"),
        replace(LATER, outcome=OutcomeClass.ACCEPTED, code=250, stage="body"),
        replace(LATER, outcome=OutcomeClass.UNKNOWN, code=0, reason="closed"),
        replace(LATER, outcome=OutcomeClass.SKIPPED, code=0, reason="missing_data"),
    ],
)
def test_what_is_no_failure_for_now_stays_as_it_is(final: Result) -> None:
    """SMTP-24: an unknown one is never tried again by itself."""
    assert settle(final, CHAIN) == final


@pytest.mark.parametrize(
    "for_now",
    [
        replace(LATER, code=0, enhanced="", reason="closed", stage="data"),
        replace(LATER, code=421, enhanced="4.3.2", stage="greeting"),
        replace(LATER, code=550, enhanced="5.7.1", reply="rate limit exceeded"),
        replace(LATER, code=550, reason="sender_refused", stage="mail"),
        replace(LATER, code=530, reason="login_wanted", stage="rcpt"),
    ],
)
def test_what_speaks_against_nobody_is_put_off(for_now: Result) -> None:
    """SMTP-17"""
    assert settle(for_now, CHAIN).outcome is OutcomeClass.DEFERRED


def test_a_full_mailbox_is_given_up_at_the_third_try_on_another_day() -> None:
    """SMTP-16"""
    third = replace(CHAIN, step=2)
    tomorrow = replace(FULL, at=BEGAN + timedelta(days=1))

    assert settle(replace(FULL, at=BEGAN + timedelta(hours=5)), third).outcome == (
        OutcomeClass.DEFERRED
    )
    assert settle(tomorrow, replace(CHAIN, step=1)).outcome is OutcomeClass.DEFERRED
    given_up = settle(tomorrow, third)
    assert (given_up.outcome, given_up.permanent) == (OutcomeClass.FAILED, True)


def test_without_a_time_to_give_up_nothing_is_tried_again() -> None:
    assert settle(LATER, replace(CHAIN, give_up_after=timedelta())) == LATER


moments = st.integers(0, 200 * 3600).map(lambda s: BEGAN + timedelta(seconds=s))
chains = st.builds(
    Chain,
    step=st.integers(0, 40),
    began_at=st.just(BEGAN),
    ends_at=st.none() | moments,
    give_up_after=st.integers(4, 120).map(lambda hours: timedelta(hours=hours)),
    seed=st.text(max_size=8),
)


@given(chains, moments, st.sampled_from([LATER, GREYLISTED, FULL]))
def test_no_try_is_due_after_the_end_and_none_at_once(chain, at, result) -> None:
    """SMTP-19"""
    decision = decide(replace(result, at=at), chain)

    if decision.outcome is OutcomeClass.DEFERRED:
        assert decision.due_in is not None
        assert decision.due_in >= timedelta(minutes=5)
        assert at + decision.due_in <= chain.over_at
    else:
        assert decision.due_in is None
        assert decision.permanent or decision.reason == "gave_up"


@given(chains, moments, st.integers(-10_000_000, 0))
def test_a_clock_that_jumps_back_brings_no_storm(chain, at, seconds) -> None:
    """SMTP-20: the delay is counted from the answer, whatever the clock shows."""
    earlier = at + timedelta(seconds=seconds)

    now = decide(replace(LATER, at=at), chain).due_in
    then = decide(replace(LATER, at=earlier), chain).due_in

    assert now is None or then == now


@given(st.text(max_size=8), st.sampled_from([LATER, GREYLISTED, FULL]))
def test_every_chain_ends(seed, result) -> None:
    """SMTP-19"""
    chain, at, tries = replace(CHAIN, seed=seed), BEGAN, 1
    while due_in := decide(replace(result, at=at), chain).due_in:
        at += due_in
        chain = replace(chain, step=chain.step + 1)
        tries += 1

    assert at <= BEGAN + timedelta(hours=72)
    assert tries < 20


def test_a_thousand_slices_put_off_at_once_come_back_spread() -> None:
    """SMTP-20"""
    schedule = Schedule()
    delays = [
        schedule.delay(0, greylisted=False, seed=f"run:{first}").total_seconds()
        for first in range(1, 1_000_001, 1000)
    ]

    minutes = {int(delay // 60) for delay in delays}
    assert minutes == {13, 14, 15, 16}
    assert max(delays.count(delay) for delay in delays) == 1
    assert (
        delays[0] == schedule.delay(0, greylisted=False, seed="run:1").total_seconds()
    )
