"""The limits of an SMTP server and of a provider, kept in the database.

All workers share one row for each; whoever asks for permits holds its lock for a
moment.  Rows are always locked in the same order: the server's, then the providers' by
their names.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from mailcore.engine.manners import Manners, took, was_told
from mailcore.engine.throttle import DAY, HOUR, MINUTE, SECOND, Limit, Throttle
from mailcore.engine.types import Grant
from mailcore.providers import PROVIDERS, Slowdown
from pochtar.accounts.models import Workspace
from pochtar.delivery.models import ProviderRule, ProviderState, Relay, RelayQuota
from pochtar.delivery.warmup import Today, ask_plan, give_back, noted, warmup_today

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


def relay_limits(relay: Relay) -> list[Limit]:
    """Return the limits that hold for an SMTP server."""
    counts = {
        SECOND: relay.per_second,
        MINUTE: relay.per_minute,
        HOUR: relay.per_hour,
        DAY: relay.per_day,
    }
    return [
        Limit(seconds=seconds, count=count)
        for seconds, count in counts.items()
        if count is not None
    ]


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

    def take(
        self, whom: Sequence[str], in_flight: int, news: News
    ) -> tuple[Grant, bool]:
        """Give permits for letters to these providers, in this order, having learnt.

        Also say whether any limit is in force.
        """
        with transaction.atomic():
            desk = self._open(news, whom)
            if desk.quota and _too_many_in_flight(desk.limits, in_flight):
                grant = Grant(count=0, wait=BUSY_SECONDS)
            else:
                grant = self._ask(desk, whom)
            desk.close()
        return grant, bool(desk.limits or desk.today or self._rate(desk.state))

    def give_back(self, news: News, *, unused: Mapping[str, int]) -> bool:
        """Learn what came last, and take permits back.

        Return whether letters were held for want of them.
        """
        whom = list(Counter(unused).elements())
        with transaction.atomic():
            desk = self._open(news, whom)
            freed = bool(whom) and desk.give_back(whom)
            if desk.state and self._rate(desk.state):
                self._take_back(desk, len(whom))
            desk.close()
        return freed

    def _open(self, news: News, whom: Sequence[str]) -> _Desk:
        """Lock what these letters are counted by, and write down what was learnt."""
        now, relay = timezone.now(), self._fresh_relay()
        limits, today = relay_limits(relay), warmup_today(relay, now=now)
        quota = _lock_quota(relay) if limits and whom else None
        told = {_whose(self.provider, one.what) for one in news.told}
        needed = {*told, *(whom if today else ())}
        if self.per_minute:
            needed.add(self.provider)
        states = _lock_states(relay, needed, also=self.provider)
        self._learn(states, news, now)
        return _Desk(
            now=now,
            limits=limits,
            today=today,
            quota=quota,
            states=states,
            state=states.get(self.provider),
        )

    def _ask(self, desk: _Desk, whom: Sequence[str]) -> Grant:
        """Ask the provider, the plan and the server, each for what the last one gave."""
        grants = [Grant(count=len(whom))]
        if desk.state:
            grants.append(self._ask_provider(desk.state, len(whom), desk.now))
        asked = grants[-1].count
        if desk.today and asked:
            plan = ask_plan(desk.today, desk.states, whom[:asked], now=desk.now)
            grants.append(plan)
        planned = grants[-1].count
        if desk.quota and planned:
            grants.append(_ask_relay(desk.quota, desk.limits, planned, desk.now))
        count = grants[-1].count
        self._take_back(desk, asked - count)
        if desk.today:
            give_back(desk.today, desk.states, whom[count:planned], now=desk.now)
        return Grant(count=count, wait=_binding_wait(grants))

    def _fresh_relay(self) -> Relay:
        """A limit may have been changed while the slice runs."""
        found: Relay = Relay.objects.select_related("workspace").get(pk=self.relay.pk)
        return found

    # The provider -------------------------------------------------------------------
    def _rate(self, state: ProviderState | None) -> int | None:
        if state is None:
            return None
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
        state.free_at = noted(grant.wait, now)
        return grant

    def _take_back(self, desk: _Desk, count: int) -> None:
        if desk.state and count:
            self._throttle(desk.state).give_back(count, now=desk.now.timestamp())

    def _learn(
        self, states: Mapping[str, ProviderState], news: News, now: dt.datetime
    ) -> None:
        if state := states.get(self.provider):
            manners = took(manners_of(state), news.accepted, now=now.timestamp())
            state.learnt = dataclasses.asdict(manners)
        for one in news.told:
            # In a mixed slice, words may say whose they are.
            _told(states[_whose(self.provider, one.what)], one, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """The rows that are locked for one question, and what they go by."""

    now: dt.datetime
    limits: Sequence[Limit]
    today: Today | None
    quota: RelayQuota | None
    states: Mapping[str, ProviderState]
    state: ProviderState | None  # of the slice's own provider

    def give_back(self, whom: Sequence[str]) -> bool:
        """Return whether letters were held for want of these permits."""
        freed = False
        if self.quota:
            throttle = Throttle(self.limits, self.quota.state)
            throttle.give_back(len(whom), now=self.now.timestamp())
            freed = bool(self.quota.free_at)
            self.quota.free_at = None
        if self.today:
            freed |= give_back(self.today, self.states, whom, now=self.now)
        return freed

    def close(self) -> None:
        if self.quota:
            self.quota.save()
        for state in self.states.values():
            state.updated_at = self.now
            state.save()


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


def _lock_states(
    relay: Relay, needed: Collection[str], *, also: str
) -> dict[str, ProviderState]:
    """Lock providers' rows in the order of their names; ``also`` one if it is there.

    Those that are needed are made.
    """
    rows = ProviderState.objects.select_for_update(no_key=True).filter(relay=relay)
    wanted = {*needed, also}
    found = {row.provider: row for row in _in_order(rows, wanted)}
    if missing := sorted(set(needed) - set(found)):
        ProviderState.objects.bulk_create(
            (ProviderState(relay=relay, provider=key) for key in missing),
            ignore_conflicts=True,
        )
        found = {row.provider: row for row in _in_order(rows, wanted)}
    return found


def _in_order(
    rows: QuerySet[ProviderState], wanted: Collection[str]
) -> QuerySet[ProviderState]:
    return rows.filter(provider__in=wanted).order_by("provider")


def _ask_relay(
    quota: RelayQuota, limits: Sequence[Limit], count: int, now: dt.datetime
) -> Grant:
    grant = Throttle(limits, quota.state).take(count, now=now.timestamp())
    quota.free_at = noted(grant.wait, now)
    return grant


def _binding_wait(grants: Sequence[Grant]) -> float:
    """Return how long the limit holds that gave the least."""
    least = grants[-1].count
    return max(grant.wait for grant in grants if grant.count == least)


def _too_many_in_flight(limits: Sequence[Limit], in_flight: int) -> bool:
    """Letters that a slow server holds must not all leave in the same second."""
    paced = [limit.count for limit in limits if limit.seconds == SECOND]
    return bool(paced) and in_flight >= max(1, min(paced))
