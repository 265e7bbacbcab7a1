"""How many letters may go now: limits that hold over any window, on one small state.

A limit per second is *paced*: letters leave one by one, at most a few together.  A
limit per minute, hour or day is *counted* in buckets: its letters may leave at once,
and what left longer ago than the window is free again.  The oldest bucket counts whole,
and one more beside it, so that a letter which leaves a little after its permit was
given does not break the limit either.

The state is a mapping of JSON values; whoever keeps it makes sure that only one at a
time changes it.  Time is seconds of any clock that all of them share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailcore.engine.types import Grant

__all__ = ["DAY", "HOUR", "MINUTE", "SECOND", "Limit", "Throttle"]

SECOND, MINUTE, HOUR, DAY = 1, 60, 3600, 86400
# So long is a bucket: 2 % of the window or less.
BUCKETS = {MINUTE: 1, HOUR: 60, DAY: 900}
# A server counts when letters arrive, we when they may leave: those of a second stay
# within 1.02 times its limit even when some slip so close to the others.
MOST = 1.02
SLIP = 0.085
SLACK = 0.01  # seconds that a permit may be fetched late without losing its place
TOGETHER = 0.04  # of a larger limit's letters may leave at once
LARGER = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most ``count`` letters in any ``seconds`` (SECOND, MINUTE, HOUR or DAY)."""

    seconds: int
    count: int


@dataclass(slots=True)
class Throttle:
    """Several limits at once; a permit is given when all of them allow it."""

    limits: Sequence[Limit]
    # The limit's seconds -> when the next paced letter is due, or its buckets.
    state: dict[str, Any] = field(default_factory=dict)

    def take(self, count: int, *, now: float) -> Grant:
        """Give up to ``count`` permits; with none, say how long to wait."""
        offers = [self._offer(limit, now) for limit in self.limits]
        free = min([count, *(offer.count for offer in offers)])
        if free <= 0:
            waits = (offer.wait for offer in offers if offer.count <= 0)
            return Grant(count=0, wait=max(waits, default=0))
        for limit in self.limits:
            self._book(limit, free, now)
        wait = max((offer.wait for offer in offers if offer.count <= free), default=0)
        return Grant(count=free, wait=wait)

    def give_back(self, count: int, *, now: float) -> None:
        """Take back permits that were not used: a window's letters are precious."""
        for limit in self.limits:
            if limit.seconds != SECOND:
                _return(self._buckets(limit, now), count)

    def used(self, seconds: int, *, now: float) -> int:
        """Return how many letters count in a window of minutes, hours or a day."""
        return sum(self._buckets(Limit(seconds=seconds, count=1), now).values())

    def _offer(self, limit: Limit, now: float) -> Grant:
        if limit.seconds == SECOND:
            return self._paced(limit, now)
        buckets = self._buckets(limit, now)
        left = limit.count - sum(buckets.values())
        return Grant(count=max(0, left), wait=_until_free(limit, buckets, now))

    def _paced(self, limit: Limit, now: float) -> Grant:
        gap, early = _pace(limit)
        due = max(float(self.state.get(str(SECOND), 0)), now - SLACK)
        if due > now + SECOND * 60:
            due = now  # the clock was put back: better than to wait for it
        count = max(0, math.floor((now + early - due) / gap + 1 + 1e-9))
        ready = due + (max(count, 1) - 1 + (count > 0)) * gap - early
        return Grant(count=count, wait=max(0.0, ready - now))

    def _book(self, limit: Limit, count: int, now: float) -> None:
        if limit.seconds == SECOND:
            gap, _early = _pace(limit)
            due = float(self.state.get(str(SECOND), 0))
            due = now if due > now + SECOND * 60 else max(due, now - SLACK)
            self.state[str(SECOND)] = due + count * gap
            return
        buckets = self._buckets(limit, now)
        bucket = str(int(now // BUCKETS[limit.seconds]))
        buckets[bucket] = buckets.get(bucket, 0) + count

    def _buckets(self, limit: Limit, now: float) -> dict[str, int]:
        """Return the window's buckets; what has left it is forgotten."""
        size = BUCKETS[limit.seconds]
        oldest = (now - limit.seconds - size) // size
        # A bucket of the future is of a clock that was put back.
        known = self.state.get(str(limit.seconds), {})
        kept = {
            name: count
            for name, count in known.items()
            if oldest <= int(name) <= now // size + 1
        }
        self.state[str(limit.seconds)] = kept
        return kept


def _pace(limit: Limit) -> tuple[float, float]:
    """Return the seconds between two letters, and how early one may be."""
    extra = math.floor(limit.count * TOGETHER) if limit.count >= LARGER else 0
    gap = limit.seconds * (1 + SLIP) / (math.floor(limit.count * MOST) - extra)
    return gap, extra * gap


def _until_free(limit: Limit, buckets: Mapping[str, int], now: float) -> float:
    """Return the seconds until the oldest letters leave the window."""
    size = BUCKETS[limit.seconds]
    used = sum(buckets.values())
    for name in sorted(buckets, key=int):
        used -= buckets[name]
        if used < limit.count:
            return max(0.0, (int(name) + 1) * size + limit.seconds + size - now)
    return float(limit.seconds)


def _return(buckets: dict[str, int], count: int) -> None:
    for name in sorted(buckets, key=int, reverse=True):
        back = min(count, buckets[name])
        buckets[name] -= back
        count -= back
