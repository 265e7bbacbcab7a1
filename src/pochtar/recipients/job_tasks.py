"""What workers do for bulk actions and exports; tasks.py makes them known."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from pochtar.recipients import exports, jobs, stop_exchange
from pochtar.recipients.job_nudges import nudge_job


@shared_task(name="pochtar.recipients.run_job")  # type: ignore[untyped-decorator]
def run_job(pk: str) -> None:
    """Change recipients for a while, then let others have their turn."""
    if jobs.run_job(UUID(pk)):
        nudge_job(UUID(pk))


@shared_task(name="pochtar.recipients.run_export")  # type: ignore[untyped-decorator]
def run_export(pk: str) -> None:
    exports.run_export(UUID(pk))


@shared_task(name="pochtar.recipients.run_stop_upload")  # type: ignore[untyped-decorator]
def run_stop_upload(pk: str) -> None:
    stop_exchange.run_upload(UUID(pk))


@shared_task(name="pochtar.recipients.prune")  # type: ignore[untyped-decorator]
def prune() -> None:
    """Remove files whose time is over, and forget whom old bulk actions have changed."""
    now = timezone.now()
    exports.remove_expired(now)
    jobs.forget_old(now)
