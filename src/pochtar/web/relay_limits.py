"""What the page of an SMTP server says about its limits and what providers taught us."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone

from mailcore.providers import PROVIDERS
from pochtar.delivery.models import ProviderState, Relay, RelayQuota
from pochtar.delivery.quotas import manners_of, warmup_cap, warmup_day


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayFacts:
    """The limits' present state."""

    warmup_day: int | None
    warmup_days: int
    warmup_cap: int | None
    held_until: dt.datetime | None
    down_until: dt.datetime | None


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
    return RelayFacts(
        warmup_day=warmup_day(relay, now=now),
        warmup_days=len(relay.warmup_plan),
        warmup_cap=warmup_cap(relay, now=now),
        held_until=quota.free_at if quota else None,
        down_until=down if relay.down_count and down and down > now else None,
    )


def learnt_of(relay: Relay) -> list[Learnt]:
    """Return the providers that asked to slow down, and how fast we go to them now."""
    rows = ProviderState.objects.filter(relay=relay).order_by("provider")
    return [one for one in map(_learnt, rows) if one]


def _learnt(state: ProviderState) -> Learnt | None:
    manners = manners_of(state)
    if manners.per_minute is None:
        return None
    known = PROVIDERS.get(state.provider)
    blocked = dt.datetime.fromtimestamp(manners.blocked_until, dt.UTC)
    return Learnt(
        provider=state.provider,
        name=known.name if known else "",
        per_minute=manners.per_minute,
        why=manners.why,
        blocked_until=blocked if blocked > timezone.now() else None,
        updated_at=state.updated_at,
    )
