"""What workers do. A task is a nudge: it may come twice, late or never."""

from __future__ import annotations

import multiprocessing
from typing import Any

from celery import shared_task, signals
from django.utils import timezone

from pochtar.delivery.desk import Desk
from pochtar.delivery.driver import drive_slice
from pochtar.delivery.models import Run
from pochtar.delivery.mx import look_up_domains as look_up
from pochtar.delivery.nudges import nudge_slices
from pochtar.delivery.runs import expire_run, finish_run_if_done
from pochtar.delivery.turns import Turn, next_run

# The worker's main process gets the signal, its children do the work: they share this.
_stopping = multiprocessing.get_context("fork").Event()


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop_at_the_next_letter(**kwargs: Any) -> None:
    _stopping.set()


@shared_task(name="pochtar.delivery.deliver_slice")  # type: ignore[untyped-decorator]
def deliver_slice(slice_id: int) -> None:
    """Serve the run whose turn it is (turns.py); the nudged slice is only a hint."""
    if _stopping.is_set():
        return
    if nudged := Run.objects.filter(slices=slice_id).first():
        _is_over(nudged)  # a cancelled one has no turn any more
    run = next_run()
    if run is None:
        return
    turn = Turn(run)

    def stopped() -> bool:
        return _stopping.is_set() or turn.must_end()

    desk = Desk()
    first = report = drive_slice(run, stopped=stopped, desk=desk)
    while report and report.done and not turn.is_over:
        report = drive_slice(run, stopped=stopped, desk=desk)
    # One nudge for one: more would fill the queue with turns, and the tick behind them.
    if not _is_over(run) and first and not _stopping.is_set():
        nudge_slices([slice_id])


def _is_over(run: Run) -> bool:
    """Skip what is not to be tried any more, end the run if nothing is left."""
    run.refresh_from_db(fields=["status"])
    expire_run(run, now=timezone.now())
    return finish_run_if_done(run)


@shared_task(name="pochtar.delivery.look_up_domains")  # type: ignore[untyped-decorator]
def look_up_domains(run_id: str) -> None:
    """Find out which providers are behind the domains of a run's recipients."""
    if run := Run.objects.filter(pk=run_id).first():
        look_up(run.deliveries.all())
