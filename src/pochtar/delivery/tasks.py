"""What workers do. A task is a nudge: it may come twice, late or never."""

from __future__ import annotations

import multiprocessing
import time
from typing import Any

from celery import shared_task, signals
from django.utils import timezone

from pochtar.delivery.driver import drive_slice
from pochtar.delivery.models import Run, Slice
from pochtar.delivery.runs import expire_run, finish_run_if_done, nudge_run

# Then other runs get their turn.
TURN_SECONDS = 10

# The worker's main process gets the signal, its children do the work: they share this.
_stopping = multiprocessing.get_context("fork").Event()


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop_at_the_next_letter(**kwargs: Any) -> None:
    _stopping.set()


@shared_task(name="pochtar.delivery.deliver_slice")  # type: ignore[untyped-decorator]
def deliver_slice(slice_id: int) -> None:
    """Send that slice, and further ones of its run for a while."""
    slice_ = Slice.objects.filter(pk=slice_id).select_related("run").first()
    if slice_ is None or _stopping.is_set():
        return
    run = Run.objects.select_related("workspace", "relay").get(pk=slice_.run_id)
    started = time.monotonic()
    report = drive_slice(run, slice_id=slice_id, stopped=_stopping.is_set)
    while report and report.done and time.monotonic() - started < TURN_SECONDS:
        report = drive_slice(run, stopped=_stopping.is_set)
    _see_to(run)


def _see_to(run: Run) -> None:
    """End the run if it is over, else ask for its next slices."""
    run.refresh_from_db(fields=["status"])
    expire_run(run, now=timezone.now())
    if not finish_run_if_done(run) and not _stopping.is_set():
        nudge_run(run)
