"""What workers do for recipients. A task is a nudge: it may come twice, late or never."""

from __future__ import annotations

from collections.abc import Sequence

from celery import shared_task
from django.utils import timezone

from pochtar.base.queue import Task, nudge
from pochtar.recipients.job_tasks import run_export, run_job
from pochtar.recipients.models import BulkJob, Export, Work
from pochtar.recipients.work import rows_of

KINDS: Sequence[tuple[type[Work], Task]] = (
    (BulkJob, run_job),
    (Export, run_export),
)  # the model, and the task that does it


@shared_task(name="pochtar.recipients.tick")  # type: ignore[untyped-decorator]
def tick() -> None:
    """Find the work that nobody does: its nudge was lost, or its worker died."""
    now = timezone.now()
    for model, task in KINDS:
        for pk in rows_of(model).free(now).values_list("pk", flat=True):
            nudge(task, str(pk))
