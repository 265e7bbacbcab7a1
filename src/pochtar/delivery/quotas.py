"""The limits of an SMTP server and of a provider, kept in the database.

All workers share one row for each; whoever asks for permits holds its lock for a
moment.  Rows are always locked in the same order: the server's, then the provider's.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from mailcore.engine.manners import Manners, took, was_told
from mailcore.engine.throttle import DAY, HOUR, MINUTE, SECOND, Limit, Throttle
from mailcore.engine.types import Grant
from mailcore.providers import PROVIDERS, Slowdown
from pochtar.accounts.models import Workspace
from pochtar.delivery.models import ProviderRule, ProviderState, Relay, RelayQuota

# A limit that holds for longer is written down, so that nobody asks in vain.
NOTED_SECONDS = 2
BUSY_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLimits:
    """What holds for a provider in a workspace; None: no limit."""

    connections: int | None = None
    letters_per_connection: int | None = None
    per_minute: int | None = None


def provider_limits(workspace: Workspace, provider: str) -> ProviderLimits:
    """Return the table's numbers, or the workspace's own."""
    known = PROVIDERS.get(provider)
    rule = ProviderRule.objects.of(workspace).filter(provider=provider).first()
    names = [field.name for field in dataclasses.fields(ProviderLimits)]
    return ProviderLimits(
        **{
            name: getattr(rule, name, None) or getattr(known, name, None)
            for name in names
        }
    )


def relay_limits(relay: Relay, *, now: dt.datetime) -> list[Limit]:
    """Return the limits that hold for an SMTP server today."""
    counts = {
        SECOND: relay.per_second,
        MINUTE: relay.per_minute,
        HOUR: relay.per_hour,
        DAY: day_limit(relay, now=now),
    }
    return [
        Limit(seconds=seconds, count=count)
        for seconds, count in counts.items()
        if count is not None
    ]


def day_limit(relay: Relay, *, now: dt.datetime) -> int | None:
    """Return the day's limit: the server's own, or less while it is warmed up."""
    caps = [cap for cap in (relay.per_day, warmup_cap(relay, now=now)) if cap]
    return min(caps, default=None)


def warmup_cap(relay: Relay, *, now: dt.datetime) -> int | None:
    """Return what the warm-up plan allows today (PRV-04); None when there is none."""
    day = warmup_day(relay, now=now)
    if day is None or day > len(relay.warmup_plan):
        return None
    return int(relay.warmup_plan[day - 1])


def warmup_day(relay: Relay, *, now: dt.datetime) -> int | None:
    """Return which day of the warm-up it is, from 1; None without a plan."""
    if relay.warmup_started_on is None or not relay.warmup_plan:
        return None
    zone = zoneinfo.ZoneInfo(relay.workspace.time_zone)
    days = (now.astimezone(zone).date() - relay.warmup_started_on).days
    return max(1, days + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A reply that asked to slow down, and how fast we were."""

    what: Slowdown
    why: str
    pace: float


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What happened to a slice's letters since the quotas were asked last."""

    accepted: int = 0
    told: Sequence[Told] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What one slice goes by. ``per_minute`` is the provider's configured rate."""

    relay: Relay
    provider: str
    per_minute: int | None = None

    def take(self, count: int, in_flight: int, news: News) -> tuple[Grant, bool]:
        """Give permits, having learnt; also say whether any limit is in force."""
        now = timezone.now()
        with transaction.atomic():
            limits = relay_limits(self._fresh_relay(), now=now)
            quota = _lock_quota(self.relay) if limits else None
            state = self._lock_state(news)
            self._learn(state, news, now)
            grant = Grant(count=count)
            if quota and _too_many_in_flight(limits, in_flight):
                grant = Grant(count=0, wait=BUSY_SECONDS)
            elif state:
                grant = self._ask_provider(state, count, now)
            if quota and grant.count:
                wanted, grant = grant.count, _ask_relay(quota, limits, grant.count, now)
                self._take_back(state, wanted - grant.count, now)
            _save(quota, state, now=now)
        return grant, bool(limits) or bool(state and self._rate(state))

    def give_back(self, news: News, *, unused: int) -> bool:
        """Learn what came last, and take permits back.

        Return whether letters were held for want of them.
        """
        now = timezone.now()
        with transaction.atomic():
            limits = relay_limits(self._fresh_relay(), now=now)
            quota = _lock_quota(self.relay) if limits and unused else None
            state = self._lock_state(news)
            self._learn(state, news, now)
            freed = bool(unused and quota and quota.free_at)
            if quota:
                Throttle(limits, quota.state).give_back(unused, now=now.timestamp())
                quota.free_at = None
            if state and unused and self._rate(state):
                self._take_back(state, unused, now)
            _save(quota, state, now=now)
        return freed

    def _fresh_relay(self) -> Relay:
        """A limit may have been changed while the slice runs."""
        found: Relay = Relay.objects.select_related("workspace").get(pk=self.relay.pk)
        return found

    # The provider -------------------------------------------------------------------
    def _lock_state(self, news: News) -> ProviderState | None:
        """Lock the provider's row; it is made when there is something to keep."""
        mine = any(
            _whose(self.provider, one.what) == self.provider for one in news.told
        )
        if mine or self.per_minute:
            return _lock_state(self.relay, self.provider)
        rows = ProviderState.objects.select_for_update(no_key=True)
        return rows.filter(relay=self.relay, provider=self.provider).first()

    def _rate(self, state: ProviderState) -> int | None:
        rates = (self.per_minute, manners_of(state).per_minute)
        return min((rate for rate in rates if rate), default=None)

    def _throttle(self, state: ProviderState) -> Throttle:
        rate = self._rate(state)
        limits = [Limit(seconds=MINUTE, count=rate)] if rate else []
        return Throttle(limits, state.state)

    def _ask_provider(
        self, state: ProviderState, count: int, now: dt.datetime
    ) -> Grant:
        blocked = manners_of(state).blocked_until - now.timestamp()
        if blocked > 0:
            grant = Grant(count=0, wait=blocked)
        else:
            grant = self._throttle(state).take(count, now=now.timestamp())
        state.free_at = _noted(grant, now)
        return grant

    def _take_back(
        self, state: ProviderState | None, count: int, now: dt.datetime
    ) -> None:
        if state and count:
            self._throttle(state).give_back(count, now=now.timestamp())

    def _learn(self, state: ProviderState | None, news: News, now: dt.datetime) -> None:
        if state:
            manners = took(manners_of(state), news.accepted, now=now.timestamp())
            state.learnt = dataclasses.asdict(manners)
        for one in news.told:
            # In a mixed slice, words may say whose they are.
            whose = _whose(self.provider, one.what)
            if state and whose == self.provider:
                _told(state, one, now)
            else:
                other = _lock_state(self.relay, whose)
                _told(other, one, now)
                _save(None, other, now=now)


def manners_of(state: ProviderState) -> Manners:
    """Return what was learnt about the provider."""
    return Manners(**state.learnt)


def _told(state: ProviderState, told: Told, now: dt.datetime) -> None:
    moment = now.timestamp()
    manners = was_told(
        manners_of(state), told.what, why=told.why, pace=told.pace, now=moment
    )
    state.learnt = dataclasses.asdict(manners)
    if manners.blocked_until > moment:
        state.free_at = now + dt.timedelta(seconds=manners.blocked_until - moment)


def _whose(provider: str, what: Slowdown) -> str:
    return provider or what.provider


def _lock_quota(relay: Relay) -> RelayQuota:
    rows = RelayQuota.objects.select_for_update(no_key=True)
    quota, _created = rows.get_or_create(relay=relay)
    return quota


def _lock_state(relay: Relay, provider: str) -> ProviderState:
    rows = ProviderState.objects.select_for_update(no_key=True)
    state, _created = rows.get_or_create(relay=relay, provider=provider)
    return state


def _ask_relay(
    quota: RelayQuota, limits: Sequence[Limit], count: int, now: dt.datetime
) -> Grant:
    grant = Throttle(limits, quota.state).take(count, now=now.timestamp())
    quota.free_at = _noted(grant, now)
    return grant


def _save(
    quota: RelayQuota | None, state: ProviderState | None, *, now: dt.datetime
) -> None:
    if quota:
        quota.save()
    if state:
        state.updated_at = now
        state.save()


def _noted(grant: Grant, now: dt.datetime) -> dt.datetime | None:
    if grant.wait <= NOTED_SECONDS:
        return None
    return now + dt.timedelta(seconds=grant.wait)


def _too_many_in_flight(limits: Sequence[Limit], in_flight: int) -> bool:
    """Letters that a slow server holds must not all leave in the same second."""
    paced = [limit.count for limit in limits if limit.seconds == SECOND]
    return bool(paced) and in_flight >= max(1, min(paced))
