"""Beat's tick: the safety net under everything that is nudged."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from pochtar.delivery.ticks import tick_runs
from pochtar.mailings.launch import launch_due
from pochtar.mailings.services import follow_runs


@shared_task(name="pochtar.mailings.tick")  # type: ignore[untyped-decorator]
def tick() -> None:
    """Launch what is due, see to the runs, keep the mailings' statuses in step."""
    now = timezone.now()
    launch_due(now)
    tick_runs(now)
    follow_runs()
