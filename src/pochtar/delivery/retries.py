"""Trying again what was put off: the later slice that follows a slice (SMTP-19, SMTP-20).

A slice that is done and has put letters off is followed by another one of the same
range, made in the same transaction: whenever the process dies, either both are there or
neither is.  When it is due follows from the attempts alone, so that nothing needs to be
remembered between processes.
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.utils import timezone

from mailcore.engine.retry import Chain, Schedule, decide
from mailcore.engine.types import OutcomeClass, Result
from pochtar.delivery.models import Attempt, Outcome, Run, Slice, SliceStatus


def chain_of(run: Run, slice_: Slice) -> Chain:
    """Return what the engine has to know to decide about this slice's failures."""
    return Chain(
        step=slice_.step,
        began_at=slice_.began_at,
        ends_at=run.stop_at,
        give_up_after=dt.timedelta(hours=run.retry_hours),
        # A seed for each slice: a thousand slices put off at once come back spread.
        seed=f"{run.pk}:{slice_.first_position}",
        schedule=Schedule(
            steps=tuple(dt.timedelta(minutes=one) for one in settings.RETRY_MINUTES),
            greylisted=dt.timedelta(minutes=settings.RETRY_GREYLISTED_MINUTES),
        ),
    )


def put_off(run: Run, slice_: Slice) -> Slice | None:
    """Make the later slice of one that is done (inside the same transaction).

    None when nobody was put off.
    """
    due_at = _due_at(run, slice_)
    if due_at is None:
        return None
    later: Slice = Slice.objects.create(
        run=run,
        first_position=slice_.first_position,
        last_position=slice_.last_position,
        cursor=slice_.first_position - 1,
        provider=slice_.provider,
        attempt_number=slice_.attempt_number + 1,
        source=Outcome.DEFERRED,
        step=slice_.step + 1,
        began_at=slice_.began_at,
        due_at=due_at,
    )
    return later


def _due_at(run: Run, slice_: Slice) -> dt.datetime | None:
    """Return when the first of those that the slice put off is due."""
    if not Attempt.objects.filter(run=run, outcome=Outcome.DEFERRED).exists():
        return None  # the usual case costs one look into an index
    chain = chain_of(run, slice_)
    attempts = Attempt.objects.filter(
        delivery__run=run,
        delivery__position__range=(slice_.first_position, slice_.last_position),
        number=slice_.attempt_number,
        outcome=Outcome.DEFERRED,
    )
    dues = [_due_of(attempt, chain) for attempt in attempts]
    return min(dues, default=None)


def _due_of(attempt: Attempt, chain: Chain) -> dt.datetime:
    failed = Result(
        delivery_id=attempt.delivery_id,
        position=0,
        outcome=OutcomeClass.FAILED,
        code=attempt.code or 0,
        enhanced=attempt.enhanced_code,
        reply=attempt.reply,
        stage=attempt.stage,
        at=attempt.at,
    )
    # Other settings since then, or another time to stop: the next holder decides.
    due_in = decide(failed, chain).due_in or dt.timedelta()
    return attempt.at + due_in


def next_try_at(run: Run) -> dt.datetime | None:
    """Return when the first letters that were put off are due."""
    waiting = Slice.objects.filter(
        run=run, status=SliceStatus.READY, source=Outcome.DEFERRED
    )
    due: dt.datetime | None = (
        waiting.order_by("due_at").values_list("due_at", flat=True).first()
    )
    return due


def only_waits(run: Run, *, now: dt.datetime | None = None) -> bool:
    """Whether nothing of the run can be sent now, only later."""
    now = now or timezone.now()
    still_open = Slice.objects.filter(run=run).exclude(status=SliceStatus.DONE)
    at_work = still_open.exclude(status=SliceStatus.READY, due_at__gt=now)
    return still_open.exists() and not at_work.exists()
