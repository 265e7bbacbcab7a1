"""Another try at those who failed, or of whom nobody knows, when a person asks for it.

Each range that holds such deliveries gets one more slice, numbered after its last one.
A range where a slice is still open is left out: nobody is in two slices at once.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass

import structlog
from django.db import transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from pochtar.delivery.holders import this_process
from pochtar.delivery.models import (
    Attempt,
    Outcome,
    Run,
    RunStatus,
    Slice,
    SliceStatus,
)
from pochtar.delivery.runs import nudge_run

log = structlog.get_logger(__name__)

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Whom another try could be made at, by how they stand."""

    failed_for_now: int = 0
    failed: int = 0  # all of them: with those who failed for good
    unknown: int = 0

    @property
    def failed_for_good(self) -> int:
        return self.failed - self.failed_for_now


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    first: int
    last: int
    number: int  # of its latest slice
    provider: str


def count_left(run: Run) -> Left:
    """Count whom another try would be made at now."""
    failed = _standing(run, Outcome.FAILED)
    return Left(
        failed_for_now=failed.filter(permanent=False).count(),
        failed=failed.count(),
        unknown=_standing(run, Outcome.UNKNOWN).count(),
    )


def try_again(
    run: Run,
    source: Outcome,
    *,
    for_now_only: bool = False,
    nudge: bool = True,
    now: dt.datetime | None = None,
) -> int:
    """Open a run that is over or paused for another try; return how many get one.

    0 when there is nobody, or when the run is not over (any more): then nothing has
    changed.
    """
    now = now or timezone.now()
    with transaction.atomic():
        if not _reopen(run, nudge=nudge, now=now):
            return 0
        standing = _standing(run, source)
        if for_now_only:
            standing = standing.filter(permanent=False)
        positions = list(standing.values_list("delivery__position", flat=True))
        if not positions:
            transaction.set_rollback(True)
            return 0
        _make_slices(run, source, positions, for_now_only=for_now_only, now=now)
        if nudge:
            nudge_run(run, now=now)
    log.info("run_opened_again", run=str(run.pk), source=source, count=len(positions))
    return len(positions)


def _standing(run: Run, source: Outcome) -> QuerySet[Attempt]:
    """Return the last attempts that ended so, where no slice is open."""
    later = Attempt.objects.filter(
        delivery=OuterRef("delivery"), number__gt=OuterRef("number")
    )
    still_open = Slice.objects.filter(
        run=run,
        first_position__lte=OuterRef("delivery__position"),
        last_position__gte=OuterRef("delivery__position"),
    ).exclude(status=SliceStatus.DONE)
    attempts = Attempt.objects.filter(~Exists(later), run=run, outcome=source)
    if run.finished_at is None:  # else all its slices are done
        attempts = attempts.filter(~Exists(still_open))
    return attempts


def _reopen(run: Run, *, nudge: bool, now: dt.datetime) -> bool:
    """Let the run go on, if it is over or paused."""
    over = Q(status__in=[RunStatus.COMPLETED, RunStatus.CANCELLED])
    opened = (
        Run.objects.filter(pk=run.pk)
        .filter(Q(status=RunStatus.PAUSED) | (over & Q(finished_at__isnull=False)))
        .update(
            status=RunStatus.RUNNING,
            finished_at=None,
            pause_code="",
            pause_text="",
            resumed_at=now,
            driven_by="" if nudge else this_process(),
        )
    )
    return bool(opened)


def _make_slices(
    run: Run,
    source: Outcome,
    positions: list[int],
    *,
    for_now_only: bool,
    now: dt.datetime,
) -> None:
    ranges = _free_ranges(run)
    firsts = [one.first for one in ranges]
    chosen = {bisect_right(firsts, position) - 1 for position in positions}
    Slice.objects.bulk_create(
        (
            Slice(
                run=run,
                first_position=one.first,
                last_position=one.last,
                cursor=one.first - 1,
                attempt_number=one.number + 1,
                provider=one.provider,
                source=source,
                for_now_only=for_now_only,
                began_at=now,
                due_at=now,
            )
            for one in (ranges[index] for index in sorted(chosen))
        ),
        batch_size=BATCH,
    )


def _free_ranges(run: Run) -> list[_Range]:
    """Return the ranges without an open slice, in order of position."""
    rows = (
        Slice.objects.filter(run=run)
        .values("first_position", "last_position", "provider")
        .annotate(
            number=Max("attempt_number"),
            open=Count("pk", filter=~Q(status=SliceStatus.DONE)),
        )
        .filter(open=0)
        .order_by("first_position")
    )
    return [
        _Range(
            first=row["first_position"],
            last=row["last_position"],
            number=row["number"],
            provider=row["provider"],
        )
        for row in rows
    ]
