"""Warm-up: so many letters a day to each provider, more every day (PRV-04).

Who judges a new domain or address is the provider that receives its mail, so the
plan's number of the day holds for each of them by itself.  It is counted where the
provider's other limits are, over any 24 hours.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mailcore.engine.throttle import DAY, Limit, Throttle
from mailcore.engine.types import Grant
from pochtar.delivery.models import ProviderState, Relay

NOTED_SECONDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """What the plan says now: so many to each provider, and how long that holds."""

    day: int
    cap: int
    ends_in: float  # seconds; then it is the next day, or the plan is over


def warmup_today(relay: Relay, *, now: dt.datetime) -> Today | None:
    """Return the plan's day; None without a plan, or after its last day."""
    if relay.warmup_started_on is None or not relay.warmup_plan:
        return None
    zone = zoneinfo.ZoneInfo(relay.workspace.time_zone)
    date = now.astimezone(zone).date()
    day = max(1, (date - relay.warmup_started_on).days + 1)
    if day > len(relay.warmup_plan):
        return None
    midnight = dt.datetime.combine(date + dt.timedelta(days=1), dt.time(), zone)
    return Today(
        day=day,
        cap=int(relay.warmup_plan[day - 1]),
        ends_in=(midnight.astimezone(dt.UTC) - now).total_seconds(),
    )


def ask_plan(
    today: Today,
    states: Mapping[str, ProviderState],
    whom: Sequence[str],
    *,
    now: dt.datetime,
) -> Grant:
    """Let the first of these letters go, up to one whose provider has had enough."""
    throttles = {key: _throttle(today, states[key]) for key in set(whom)}
    grants = {
        key: throttles[key].take(count, now=now.timestamp())
        for key, count in Counter(whom).items()
    }
    free = {key: grant.count for key, grant in grants.items()}
    count = 0
    for key in whom:
        if not free[key]:
            break
        free[key] -= 1
        count += 1
    for key, rest in free.items():
        throttles[key].give_back(rest, now=now.timestamp())
        if not rest:
            _note(states[key], _wait(grants[key], today), now)
    if count < len(whom):
        return Grant(count=count, wait=_wait(grants[whom[count]], today))
    alone = len(grants) == 1
    return Grant(count=count, wait=_wait(grants[whom[0]], today) if alone else 0.0)


def _wait(grant: Grant, today: Today) -> float:
    """Tomorrow the plan says another number: then it is asked again."""
    return min(grant.wait, today.ends_in)


def _note(state: ProviderState, wait: float, now: dt.datetime) -> None:
    until = noted(wait, now)
    if until and (state.free_at is None or state.free_at < until):
        state.free_at = until


def noted(wait: float, now: dt.datetime) -> dt.datetime | None:
    """Return what is written down of a limit, so that nobody asks in vain."""
    return now + dt.timedelta(seconds=wait) if wait > NOTED_SECONDS else None


def give_back(
    today: Today,
    states: Mapping[str, ProviderState],
    whom: Iterable[str],
    *,
    now: dt.datetime,
) -> bool:
    """Take back what was not sent; return whether letters were held for want of it."""
    freed = False
    for key, count in Counter(whom).items():
        state = states[key]
        _throttle(today, state).give_back(count, now=now.timestamp())
        freed |= bool(state.free_at and state.free_at > now)
        state.free_at = None
    return freed


def count_day(state: ProviderState, *, now: dt.datetime) -> int:
    """Return how many letters the provider was given in the last 24 hours."""
    return Throttle((), state.state).used(DAY, now=now.timestamp())


def _throttle(today: Today, state: ProviderState) -> Throttle:
    return Throttle([Limit(seconds=DAY, count=today.cap)], state.state)
