"""Limits that hold over any window, however many ask (PRV-03)."""

from __future__ import annotations

import json
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.engine.throttle import DAY, HOUR, MINUTE, SECOND, Limit, Throttle

START = 1_800_000_000.25
windows = st.sampled_from([SECOND, MINUTE, HOUR, DAY])


def most_in(window: float, times: list[float]) -> int:
    """The most letters in any stretch of that length."""
    return max(
        (
            bisect_left(times, start + window) - index
            for index, start in enumerate(times)
        ),
        default=0,
    )


def simulate(
    limits: list[Limit], *, seconds: float, chunks: list[int], lateness: list[float]
) -> list[float]:
    """Workers that want more than they get, each with its chunk and its slowness."""
    state: dict[str, object] = {}
    turns = [(START + index * 0.003, index) for index in range(len(chunks))]
    times: list[float] = []
    while turns:
        turns.sort()
        now, worker = turns.pop(0)
        if now >= START + seconds:
            continue
        # Through JSON each time, as the database does it.
        throttle = Throttle(limits, json.loads(json.dumps(state)))
        grant = throttle.take(chunks[worker], now=now)
        state = throttle.state
        times.extend([now] * grant.count)
        turns.append((now + max(grant.wait, 0.0005) + lateness[worker], worker))
    return times


@settings(deadline=None, max_examples=60)
@given(
    seconds=windows,
    count=st.integers(1, 400),
    chunks=st.lists(st.integers(1, 80), min_size=1, max_size=4),
    lateness=st.floats(0, 0.004),
)
def test_no_window_holds_more_than_its_limit(
    seconds: int, count: int, chunks: list[int], lateness: float
) -> None:
    """PRV-03"""
    times = simulate(
        [Limit(seconds=seconds, count=count)],
        seconds=seconds * 3.2,
        chunks=chunks,
        lateness=[lateness * (index + 1) for index in range(len(chunks))],
    )

    assert most_in(seconds, times) <= count
    assert len(times) >= count  # and it is not simply closed


@settings(deadline=None, max_examples=40)
@given(
    second=st.integers(1, 50),
    minute=st.integers(1, 500),
    chunks=st.lists(st.integers(1, 60), min_size=1, max_size=3),
)
def test_several_limits_hold_together(
    second: int, minute: int, chunks: list[int]
) -> None:
    """PRV-03"""
    limits = [
        Limit(seconds=SECOND, count=second),
        Limit(seconds=MINUTE, count=minute),
    ]

    times = simulate(limits, seconds=130, chunks=chunks, lateness=[0.001] * len(chunks))

    assert most_in(SECOND, times) <= second
    assert most_in(MINUTE, times) <= minute


@pytest.mark.parametrize("seconds", [SECOND, MINUTE, HOUR, DAY])
@pytest.mark.parametrize("count", [1, 2, 7, 10, 19, 25, 50, 333, 1000])
def test_nine_tenths_of_a_limit_are_used_when_they_are_wanted(
    seconds: int, count: int
) -> None:
    """PRV-03"""
    times = simulate(
        [Limit(seconds=seconds, count=count)],
        seconds=seconds * 20,
        chunks=[50, 10],
        lateness=[0.002, 0.003],
    )

    assert len(times) >= 0.9 * 20 * count


def test_a_letter_that_leaves_late_does_not_break_the_window() -> None:
    """PRV-03: the permit of one letter is used 30 ms late, of the next at once."""
    times = simulate(
        [Limit(seconds=SECOND, count=50)], seconds=10, chunks=[20], lateness=[0.001]
    )

    late = sorted(
        time + (0.03 if index % 7 == 0 else 0) for index, time in enumerate(times)
    )

    assert most_in(SECOND, late) <= 51


def test_permits_that_were_not_used_are_free_again() -> None:
    throttle = Throttle([Limit(seconds=DAY, count=10)])
    assert throttle.take(10, now=START).count == 10
    throttle.give_back(4, now=START + 5)

    assert throttle.take(10, now=START + 6).count == 4
    refused = throttle.take(1, now=START + 7)
    assert refused.count == 0
    assert DAY < refused.wait <= DAY + 1800


def test_a_clock_that_was_put_back_does_not_close_the_door() -> None:
    throttle = Throttle([Limit(seconds=SECOND, count=5), Limit(seconds=DAY, count=50)])
    throttle.take(5, now=START + 10 * DAY)

    assert throttle.take(1, now=START).count == 1


def test_without_limits_everything_goes() -> None:
    assert Throttle([]).take(500, now=START).count == 500


def test_a_limit_that_was_lowered_holds_at_once() -> None:
    """PRV-04"""
    throttle = Throttle([Limit(seconds=DAY, count=100)])
    throttle.take(60, now=START)

    lowered = Throttle([Limit(seconds=DAY, count=50)], throttle.state)

    assert lowered.take(1, now=START + 60).count == 0


def test_what_counts_in_a_window_is_told_without_its_limit() -> None:
    """PRV-04: whoever shows it need not know how much may go."""
    state: dict[str, object] = {}
    Throttle([Limit(seconds=DAY, count=50)], state).take(7, now=START)

    assert Throttle((), state).used(DAY, now=START + 80_000) == 7
    assert Throttle((), state).used(DAY, now=START + 90_000) == 0
