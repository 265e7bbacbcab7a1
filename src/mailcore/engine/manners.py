"""What was learnt about one provider: how fast it lets us, for now.

    no learnt rate ──asked to slow down──> a rate, and a pause
          ▲                                   │ N letters taken, time over
          └──── as fast as before <──── a bit faster, again and again

Pure: the state goes in and comes out, and time is given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mailcore.providers import Slowdown

__all__ = ["Manners", "took", "was_told"]

MERCY_SECONDS = 15  # answers of letters that were on the way are one and the same "no"
PAUSE_SECONDS = 60
LONGEST_PAUSE = 1800
LETTERS_TO_TRUST = 20  # taken one after the other, before it goes faster (PRV-03)
FASTER = 1.5
FULL_SPEED = 600  # letters a minute where no other speed was known


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """``per_minute`` None: nothing was learnt."""

    per_minute: int | None = None
    ceiling: int = 0  # how fast it went before the first "no"
    why: str = ""
    told_at: float = 0
    blocked_until: float = 0
    steady_until: float = 0  # till then it goes no faster
    taken: int = 0  # since the rate last changed
    told: int = 0  # without a letter taken in between


def was_told(
    manners: Manners, what: Slowdown, *, why: str, pace: float, now: float
) -> Manners:
    """Slow down: as the provider's words ask, else by half and after a pause."""
    if now - manners.told_at < MERCY_SECONDS and manners.told:
        return replace(manners, taken=0)
    told = manners.told + 1
    before = manners.per_minute or max(1, round(pace))
    rate = max(1, before // 2)
    pause = min(PAUSE_SECONDS * 2 ** (told - 1), LONGEST_PAUSE)
    if what.known and what.per_minute:
        rate = min(what.per_minute, before)
        pause = max(1, 60 // rate)
    elif what.known:
        pause = what.seconds
    return Manners(
        per_minute=rate,
        ceiling=manners.ceiling or max(before, rate),
        why=why,
        told_at=now,
        blocked_until=max(manners.blocked_until, now + pause),
        steady_until=max(manners.steady_until, now + max(what.seconds, pause)),
        told=told,
    )


def took(manners: Manners, letters: int, *, now: float) -> Manners:
    """Trust it a bit more after enough letters; forget all at the old speed."""
    before = manners.per_minute
    if before is None or not letters:
        return manners
    taken = manners.taken + letters
    manners = replace(manners, taken=taken, told=0)
    if taken < LETTERS_TO_TRUST or now < manners.steady_until:
        return manners
    rate = max(before + 1, int(before * FASTER))
    if rate >= max(manners.ceiling, 1) or rate >= FULL_SPEED:
        return Manners()
    return replace(manners, per_minute=rate, taken=0)
