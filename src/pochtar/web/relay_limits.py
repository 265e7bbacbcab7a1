"""What the page of an SMTP server says about its limits and what providers taught us."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone

from mailcore.providers import PROVIDERS
from pochtar.delivery.models import ProviderState, Relay, RelayQuota
from pochtar.delivery.quotas import manners_of
from pochtar.delivery.warmup import Today, count_day, warmup_today


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayFacts:
    """The limits' present state."""

    warmup: Today | None
    warmup_days: int
    warmed: list[Warmed]
    held_until: dt.datetime | None
    down_until: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmed:
    """How much of the plan's day one provider has had (PRV-04)."""

    name: str
    count: int
    goes_on_at: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What one provider taught us over this server."""

    provider: str
    name: str
    per_minute: int
    why: str
    blocked_until: dt.datetime | None
    updated_at: dt.datetime


def relay_facts(relay: Relay) -> RelayFacts:
    now = timezone.now()
    quota = RelayQuota.objects.filter(relay=relay, free_at__gt=now).first()
    down = relay.down_until
    warmup = warmup_today(relay, now=now)
    return RelayFacts(
        warmup=warmup,
        warmup_days=len(relay.warmup_plan),
        warmed=_warmed(relay, warmup, now) if warmup else [],
        held_until=quota.free_at if quota else None,
        down_until=down if relay.down_count and down and down > now else None,
    )


def _warmed(relay: Relay, today: Today, now: dt.datetime) -> list[Warmed]:
    rows = ProviderState.objects.filter(relay=relay).order_by("provider")
    counts = [(row, count_day(row, now=now)) for row in rows]
    return [
        Warmed(
            name=_name_of(row.provider),
            count=count,
            goes_on_at=row.free_at if count >= today.cap else None,
        )
        for row, count in counts
        if count
    ]


def _name_of(provider: str) -> str:
    """Return the provider's name; "" for those that are not in the table."""
    known = PROVIDERS.get(provider)
    return known.name if known else ""


def learnt_of(relay: Relay) -> list[Learnt]:
    """Return the providers that asked to slow down, and how fast we go to them now."""
    rows = ProviderState.objects.filter(relay=relay).order_by("provider")
    return [one for one in map(_learnt, rows) if one]


def _learnt(state: ProviderState) -> Learnt | None:
    manners = manners_of(state)
    if manners.per_minute is None:
        return None
    blocked = dt.datetime.fromtimestamp(manners.blocked_until, dt.UTC)
    return Learnt(
        provider=state.provider,
        name=_name_of(state.provider),
        per_minute=manners.per_minute,
        why=manners.why,
        blocked_until=blocked if blocked > timezone.now() else None,
        updated_at=state.updated_at,
    )
