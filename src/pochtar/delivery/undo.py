"""The moment after a launch: nothing has left, and it can be taken back."""

from __future__ import annotations

import datetime as dt

import structlog
from django.db import transaction
from django.db.models import F

from pochtar.delivery.models import Run, RunStatus, Slice, SliceStatus
from pochtar.delivery.runs import nudge_run

log = structlog.get_logger(__name__)

UNTOUCHED = (SliceStatus.READY, SliceStatus.HELD)


def can_be_undone(run: Run, *, now: dt.datetime) -> bool:
    """Whether the run still waits for its first letter."""
    waits = bool(run.undo_until and run.undo_until > now)
    return waits and run.status == RunStatus.RUNNING


def withdraw_run(run: Run, *, now: dt.datetime) -> bool:
    """Close a run of which nothing has left, in the caller's transaction.

    False, and nothing changed, when it is too late.  The rows of its slices are ours
    until the transaction ends: no worker can lease one, and one that was leased or
    has passed its cursor spoils the count.
    """
    with transaction.atomic():
        if _close(run, now):
            log.info("run_withdrawn", run=str(run.pk))
            return True
        transaction.set_rollback(True)
    return False


def _close(run: Run, now: dt.datetime) -> bool:
    waiting = Run.objects.filter(
        pk=run.pk, status=RunStatus.RUNNING, undo_until__gt=now
    )
    if not waiting.update(status=RunStatus.CANCELLED):
        return False
    slices = Slice.objects.filter(run=run)
    untouched = slices.filter(
        status__in=UNTOUCHED, cursor=F("first_position") - 1
    ).update(status=SliceStatus.DONE)
    return untouched == slices.count()


@transaction.atomic
def start_at_once(run: Run, *, now: dt.datetime, nudge: bool = True) -> bool:
    """Do not wait for the end of the window. False if it is over."""
    waiting = Run.objects.filter(
        pk=run.pk, status=RunStatus.RUNNING, undo_until__gt=now
    )
    if not waiting.update(undo_until=now):
        return False
    Slice.objects.filter(run=run).exclude(status=SliceStatus.DONE).update(due_at=now)
    if nudge:
        nudge_run(run, now=now)
    return True
