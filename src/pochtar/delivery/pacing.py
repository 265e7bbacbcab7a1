"""The engine's Pacer on the quotas of the database, for one slice."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from time import monotonic
from typing import Any

from mailcore.engine.types import Grant, OutcomeClass, Result, SliceReport
from mailcore.providers import Slowdown, find_slowdown
from pochtar.delivery.bridge import Bridge
from pochtar.delivery.crowd import Crowd
from pochtar.delivery.quotas import News, Quotas, Told

LETTER_STAGES = frozenset({"mail", "rcpt", "data", "body"})
_REPLY = re.compile(r"(\d{3})[ -]?(.*)", re.DOTALL)
FREE_SECONDS = 1.0  # without limits we look again after so long
TURN_SECONDS = 10  # then other slices may have the worker of one that waits a lot
PATIENCE_SECONDS = 2.0


class RelayPacer:
    """Asks the quotas as seldom as it can; lives in the event loop."""

    def __init__(
        self,
        bridge: Bridge[Any],
        quotas: Quotas,
        crowd: Crowd,
        *,
        free_until: float = 0.0,
    ) -> None:
        self._bridge = bridge
        self._quotas = quotas
        self._crowd = crowd
        self._started = monotonic()
        self._free_until = free_until  # as the slice before has learnt
        self._limited = False  # ever
        # By provider: permits under a limit, and letters that used one.
        self._granted: Counter[str] = Counter()
        self._used: Counter[str] = Counter()
        self._accepted = 0
        self._news = 0  # accepted since we last told
        self._told: list[Told] = []

    async def reserve(self, count: int, *, in_flight: int) -> Grant:
        if count <= 0 or monotonic() < self._free_until:
            self._crowd.took(max(0, count))
            return Grant(count=max(0, count))
        whom = self._crowd.next(count)
        grant, limited = await self._bridge.call(
            self._quotas.take, whom, in_flight, self._take_news()
        )
        self._crowd.took(grant.count)
        if limited:
            self._limited = True
            self._granted.update(whom[: grant.count])
        else:
            self._free_until = monotonic() + FREE_SECONDS
        return grant if grant.count else self._refused(grant)

    @property
    def free_until(self) -> float:
        """Until when nobody has to be asked (monotonic)."""
        return self._free_until

    def heard(self, result: Result, *, again: bool = False) -> None:
        if self._limited and not again and result.outcome is not OutcomeClass.SKIPPED:
            self._used[self._crowd.provider_at(result.position)] += 1
        if result.outcome is OutcomeClass.ACCEPTED:
            self._accepted += 1
            self._news += 1
            return
        what = find_slowdown(result.code, result.enhanced, result.reply)
        # A server may end a connection for many reasons (SMTP-13); what it says when
        # the letter comes again decides, unless its words are known.
        if what and (what.known or not again):
            said = f"{result.code} {result.enhanced} {result.reply}"
            self.slow_down(what, " ".join(said.split()))

    def slow_down(self, what: Slowdown, said: str) -> None:
        """Remember that we were asked to; from the next letter on it holds."""
        minutes = max(1 / 60, (monotonic() - self._started) / 60)
        pace = self._accepted / minutes
        self._told.append(Told(what=what, why=said[:200], pace=pace))
        self._free_until = 0.0

    def judge(self, report: SliceReport) -> SliceReport:
        """Tell a provider that asks to slow down from a server in trouble (SMTP-14)."""
        trouble = report.trouble
        found = _REPLY.match(trouble.reply) if trouble else None
        if not trouble or not found or trouble.stage not in LETTER_STAGES:
            return report
        what = find_slowdown(int(found[1]), "", found[2])
        if what is None:
            return report
        self.slow_down(what, trouble.reply)
        return dataclasses.replace(report, trouble=None, wait=PATIENCE_SECONDS)

    def settle(self, report: SliceReport) -> bool:
        """Give back what was not used; return whether that lets others go on.

        Called in the driver's thread, at the end.
        """
        if report.wait:
            self._crowd.rest(report.wait)
        unused = self._granted - self._used
        # Where nothing is limited, there is nothing to learn from what was accepted.
        if not (unused or self._told or (self._limited and self._accepted)):
            return False
        return self._quotas.give_back(self._take_news(), unused=unused)

    def _refused(self, grant: Grant) -> Grant:
        """A slice that waits a lot does not keep its worker: others get their turn."""
        over = monotonic() - self._started > TURN_SECONDS
        if over and grant.wait <= PATIENCE_SECONDS:
            return Grant(count=0, wait=2 * PATIENCE_SECONDS)
        return grant

    def _take_news(self) -> News:
        news = News(accepted=self._news, told=tuple(self._told))
        self._news, self._told = 0, []
        return news
