"""What workers do for recipients. A task is a nudge: it may come twice, late or never."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from pochtar.base.queue import Task, nudge
from pochtar.recipients.domain_health import ask_about_domains, walk_recipients
from pochtar.recipients.import_pruning import prune_imports
from pochtar.recipients.import_work import RUN_IMPORT, nudge_import, run_turn
from pochtar.recipients.job_tasks import run_export, run_job, run_stop_upload
from pochtar.recipients.models import BulkJob, Export, Import, StopUpload, Work
from pochtar.recipients.work import rows_of

# The model, and the task that does it.
KINDS: Sequence[tuple[type[Work], Task]] = (
    (Import, RUN_IMPORT),
    (BulkJob, run_job),
    (Export, run_export),
    (StopUpload, run_stop_upload),
)


@shared_task(name="pochtar.recipients.tick")  # type: ignore[untyped-decorator]
def tick() -> None:
    """Find the work that nobody does: its nudge was lost, or its worker died."""
    now = timezone.now()
    for model, task in KINDS:
        for pk in rows_of(model).free(now).values_list("pk", flat=True):
            nudge(task, str(pk))


@shared_task(name="pochtar.recipients.run_import")  # type: ignore[untyped-decorator]
def run_import(pk: str) -> None:
    """Work on an import for a while; ask for the next turn if it is not done."""
    if run_turn(UUID(pk)):
        nudge_import(UUID(pk))


@shared_task(name="pochtar.recipients.prune_imports")  # type: ignore[untyped-decorator]
def forget_imports() -> None:
    prune_imports()


@shared_task(name="pochtar.recipients.look_up_domains")  # type: ignore[untyped-decorator]
def look_up_domains() -> None:
    """Meet the domains of new recipients, and ask DNS about a few."""
    if not settings.MX_LOOKUPS:
        return
    walk_recipients()
    ask_about_domains()
