"""Slowing down when asked, and going faster only when trusted (PRV-03)."""

from __future__ import annotations

from mailcore.engine.manners import LETTERS_TO_TRUST, Manners, took, was_told
from mailcore.providers import UNNAMED, find_slowdown

TSS04 = find_slowdown(421, "4.7.0", "[TSS04] deferred")
NOW = 1_800_000_000.0


def told(manners: Manners, *, now: float, pace: float = 300) -> Manners:
    return was_told(manners, UNNAMED, why="421", pace=pace, now=now)


def test_known_words_set_the_rate_for_their_time() -> None:
    """PRV-03"""
    assert TSS04
    slow = was_told(Manners(), TSS04, why="421 [TSS04]", pace=900, now=NOW)

    assert (slow.per_minute, slow.blocked_until) == (1, NOW + 60)
    trusted = took(slow, 1000, now=NOW + 5399)
    assert trusted.per_minute == 1  # however well it goes, the time holds
    assert (took(trusted, 1, now=NOW + 5401).per_minute or 0) > 1


def test_a_bare_no_halves_the_rate_after_a_pause() -> None:
    """PRV-03, SMTP-14"""
    slow = told(Manners(), now=NOW)
    assert (slow.per_minute, slow.blocked_until) == (150, NOW + 60)

    slower = told(slow, now=NOW + 100)
    assert (slower.per_minute, slower.blocked_until) == (75, NOW + 220)


def test_letters_that_were_on_the_way_count_as_one_no() -> None:
    slow = told(Manners(), now=NOW)

    assert told(slow, now=NOW + 1).per_minute == slow.per_minute


def test_never_faster_before_enough_letters_were_taken() -> None:
    """PRV-03"""
    slow = told(Manners(), now=NOW)
    later = slow.steady_until + 1

    almost = took(slow, LETTERS_TO_TRUST - 1, now=later)
    assert almost.per_minute == slow.per_minute
    interrupted = told(almost, now=later + 100)
    assert took(interrupted, LETTERS_TO_TRUST - 1, now=later + 10_000).per_minute == 75
    assert took(almost, 1, now=later).per_minute == 225


def test_at_the_old_speed_everything_is_forgotten() -> None:
    manners = told(Manners(), now=NOW)
    now = manners.steady_until
    for _ in range(20):
        now += 60
        manners = took(manners, LETTERS_TO_TRUST, now=now)

    assert manners == Manners()


def test_the_rate_never_falls_below_one() -> None:
    manners = Manners()
    for step in range(12):
        manners = told(manners, now=NOW + step * 4000, pace=3)

    assert manners.per_minute == 1
    assert manners.blocked_until <= NOW + 11 * 4000 + 1800
