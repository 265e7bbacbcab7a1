"""Is a run to go on? Asked of the first few letters, and of the latest ones (BNC-08).

The canary: the first positions of a run go out, the other slices are held back.  When
each of the first has an outcome, the others are let go, or the run is paused.

The refusals: when too many of the latest letters were refused for good, the fault is
rather ours or the server's than the recipients', and a person shall look first.

A verdict is told in ``Run.pause_text`` as ``failed/unknown/tried reply``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet, Sum
from django.utils import timezone

from mailcore.engine.types import OutcomeClass, Result
from pochtar.delivery.models import (
    Attempt,
    Outcome,
    Relay,
    Run,
    RunStatus,
    Slice,
    SliceStatus,
    Tally,
)
from pochtar.delivery.runs import nudge_run, pause_run
from pochtar.delivery.warmup import warmup_today

log = structlog.get_logger(__name__)

CANARY_FAILED, MANY_REFUSED = "canary_failed", "many_refused"
CANARY_FROM = 1000  # a smaller audience is its own canary
CANARY_LEAST, CANARY_MOST = 20, 1000
REFUSED_WINDOW = dt.timedelta(minutes=10)
REFUSED_LEAST = 200  # attempts; fewer say nothing
NEWEST = 5000  # attempts that are looked at one by one
# A blocklist or a policy says no with a 5xx that does not hold for good.
REFUSED = Q(outcome=Outcome.FAILED) & (Q(permanent=True) | Q(code__gte=500))
ASK_AFTER = 40  # refusals in one slice
_TOLD = re.compile(r"(\d+)/(\d+)/(\d+)(?: (.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of the attempts that were looked at, and the commonest refusal."""

    tried: int
    failed: int
    unknown: int = 0
    reply: str = ""

    def __str__(self) -> str:
        return f"{self.failed}/{self.unknown}/{self.tried} {self.reply}".strip()


def read_verdict(text: str) -> Verdict | None:
    """Return the verdict that a pause's text tells, if it is one."""
    told = _TOLD.fullmatch(text)
    if not told:
        return None
    failed, unknown, tried, reply = told.groups()
    return Verdict(
        tried=int(tried), failed=int(failed), unknown=int(unknown), reply=reply or ""
    )


def canary_size(selected: int, *, relay: Relay | None = None) -> int:
    """Return how many are written to first; 0 for a small audience.

    While the server is warmed up it is no more than any provider may have today: the
    verdict shall not wait for tomorrow.
    """
    if selected < CANARY_FROM or not settings.CANARY_SHARE:
        return 0
    share = -(-selected * settings.CANARY_SHARE // 100)
    size = int(min(max(share, CANARY_LEAST), CANARY_MOST))
    today = warmup_today(relay, now=timezone.now()) if relay else None
    return min(size, today.cap) if today else size


def judge_run(run: Run, *, now: dt.datetime | None = None) -> bool:
    """Pause a running run that should not go on, let a held one go; True if paused."""
    now = now or timezone.now()
    return _judge_canary(run) or _judge_refusals(run, now)


# The canary ---------------------------------------------------------------------------
def is_held(run: Run) -> bool:
    """Whether the run's other slices wait for the canary's verdict."""
    held = Slice.objects.filter(run=run, status=SliceStatus.HELD)
    return bool(run.canary) and held.exists()


def _judge_canary(run: Run) -> bool:
    if not is_held(run) or _canary_is_out(run):
        return False
    first = Attempt.objects.filter(
        run=run, number=1, delivery__position__lte=run.canary
    )
    verdict = _verdict_of(first, failed=Q(outcome=Outcome.FAILED))
    bad = _exceeds(verdict.failed, settings.CANARY_FAILED_PERCENT, verdict) or _exceeds(
        verdict.unknown, settings.CANARY_UNKNOWN_PERCENT, verdict
    )
    return _release(run, verdict if bad else None)


def _canary_is_out(run: Run) -> bool:
    first = Slice.objects.filter(
        run=run, attempt_number=1, last_position__lte=run.canary
    )
    return first.exclude(status=SliceStatus.DONE).exists()


def _release(run: Run, bad: Verdict | None) -> bool:
    """Free the held slices, with a bad verdict of a paused run; True if it paused.

    Freed they are even then: who continues it has given the verdict himself.
    """
    with transaction.atomic():
        held = Slice.objects.filter(run=run, status=SliceStatus.HELD)
        if not held.update(status=SliceStatus.READY):
            return False  # somebody was first
        running = Run.objects.filter(pk=run.pk, status=RunStatus.RUNNING)
        if bad:
            valid = pause_run(run, code=CANARY_FAILED, text=str(bad))
        else:
            valid = running.exists()
        if not valid:
            # Paused or cancelled meanwhile: the verdict has to wait.
            transaction.set_rollback(True)
            return False
    log.info("canary_judged", run=str(run.pk), good=not bad)
    if not bad:
        nudge_run(run)
    return bool(bad)


# The refusals -------------------------------------------------------------------------
def _judge_refusals(run: Run, now: dt.datetime) -> bool:
    since = now - REFUSED_WINDOW
    if run.resumed_at:
        since = max(since, run.resumed_at)  # older errors are old news
    if not _enough(_tallied(run, since)):
        return False
    newest = Attempt.objects.filter(run=run).order_by("-pk").values("pk")[:NEWEST]
    recent = Attempt.objects.filter(pk__in=newest, at__gte=since)
    verdict = _verdict_of(recent, failed=REFUSED)
    return _enough(verdict) and pause_run(run, code=MANY_REFUSED, text=str(verdict))


def _tallied(run: Run, since: dt.datetime) -> Verdict:
    """Count by whole minutes: cheap, and a little too much."""
    rows = Tally.objects.filter(
        run=run, minute__gte=since.replace(second=0, microsecond=0)
    )
    names = ("accepted", "failed", "deferred", "unknown")
    sums = rows.aggregate(**{f"sum_{name}": Sum(name) for name in names})
    found = {name: sums[f"sum_{name}"] or 0 for name in names}
    return Verdict(tried=sum(found.values()), failed=found["failed"])


def _enough(verdict: Verdict) -> bool:
    if verdict.tried < REFUSED_LEAST:
        return False
    return _exceeds(verdict.failed, settings.REFUSED_PERCENT, verdict)


def _exceeds(part: int, percent: int, verdict: Verdict) -> bool:
    return part * 100 > percent * verdict.tried


def _verdict_of(attempts: QuerySet[Attempt], *, failed: Q) -> Verdict:
    found = attempts.aggregate(
        tried=Count("pk", filter=~Q(outcome=Outcome.SKIPPED)),
        failed=Count("pk", filter=failed),
        unknown=Count("pk", filter=Q(outcome=Outcome.UNKNOWN)),
    )
    return Verdict(**found, reply=_commonest(attempts.filter(failed)))


def _commonest(refused: QuerySet[Attempt]) -> str:
    groups = refused.order_by().values("code", "enhanced_code", "reason")
    row = groups.annotate(n=Count("pk"), said=Min("reply")).order_by("-n", "code")[:1]
    for one in row:
        said = (one["code"], one["enhanced_code"], one["said"] or one["reason"])
        return " ".join(" ".join(str(part) for part in said if part).split())
    return ""


class Watch:
    """Looks at a slice's results as they are recorded: a thousand are too many."""

    def __init__(
        self, run: Run, then: Callable[[Sequence[Result]], None] | None
    ) -> None:
        self._run = run
        self._then = then
        self._refused = 0

    def __call__(self, results: Sequence[Result]) -> None:
        self._refused += sum(
            (one.permanent or one.code >= 500) and one.outcome == OutcomeClass.FAILED
            for one in results
        )
        if self._refused >= ASK_AFTER:
            self._refused = 0
            _judge_refusals(self._run, timezone.now())
        if self._then:
            self._then(results)
