"""How far runs have come: what the bars, the figures and "time left" are made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from pochtar.delivery.ledger import Counts, count_finished, count_states
from pochtar.delivery.models import Run, RunStatus, Tally

OUTCOMES = ("accepted", "failed", "deferred", "unknown", "skipped")
# The rate is that of the last minutes: a run that was paused for a night does not
# show the night's average.
WINDOW = dt.timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A run in figures; they always add up to ``selected``."""

    selected: int
    accepted: int = 0
    failed: int = 0
    deferred: int = 0
    unknown: int = 0
    skipped: int = 0
    rate: float = 0.0  # deliveries a second

    @property
    def done(self) -> int:
        return self.accepted + self.failed + self.unknown + self.skipped

    @property
    def pending(self) -> int:
        return max(self.selected - self.done - self.deferred, 0)

    @property
    def seconds_left(self) -> float | None:
        return self.pending / self.rate if self.rate > 0 and self.pending else None


def progress_of(runs: Iterable[Run]) -> dict[UUID, Progress]:
    """Return the figures of many runs in one query (their rates are not asked)."""
    return {pk: _progress(counts) for pk, counts in count_finished(runs).items()}


def live_progress(run: Run, *, now: dt.datetime) -> Progress:
    """Return the figures of one run, with its rate while it is running."""
    rate = _rate(run, now) if run.status == RunStatus.RUNNING else 0.0
    return _progress(count_states(run), rate=rate)


def _progress(counts: Counts, *, rate: float = 0.0) -> Progress:
    outcomes = {name: getattr(counts, name) for name in OUTCOMES}
    return Progress(selected=counts.selected, rate=rate, **outcomes)


def _rate(run: Run, now: dt.datetime) -> float:
    since = (now - WINDOW).replace(second=0, microsecond=0)
    recent = Tally.objects.filter(run=run, minute__gte=since).order_by("minute")
    rows = list(recent.values_list("minute", *OUTCOMES))
    if not rows:
        return 0.0
    begin = max(run.started_at, rows[0][0])
    seconds = max((now - begin).total_seconds(), 1.0)
    finished = sum(sum(row[1:]) for row in rows)
    return float(finished / seconds)
