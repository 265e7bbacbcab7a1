"""Bulk actions: order, cancel, undo, and do them in batches.

Who is meant is written down first, in one statement: what is done changes what a search
finds, and only so can it be said afterwards who was changed.  Then the positions 1..N
are worked through; each batch is a transaction with the cursor in it, so that a worker
that dies leaves neither half a batch nor one done twice.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Role, User
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import Conflict, PochtarError
from pochtar.recipients.job_changes import items_of
from pochtar.recipients.job_kinds import APPLY, UNDO
from pochtar.recipients.job_models import (
    ENDED,
    BulkItem,
    BulkJob,
    JobKind,
    JobStep,
)
from pochtar.recipients.job_nudges import nudge_job
from pochtar.recipients.models import WorkState
from pochtar.recipients.search import count_up_to
from pochtar.recipients.selections import Selection, pack_selection, unpack_selection
from pochtar.recipients.work import LeaseLost, keep, let_go, take

BATCH = 2000
AT_ONCE = 500  # so many are changed while the person waits
TURN_SECONDS = 20
VERBS = {
    JobKind.ADD: "list_filled",
    JobKind.REMOVE: "list_thinned",
    JobKind.ATTRIBUTE: "attribute_set",
    JobKind.BASIS: "basis_stated",
    JobKind.STOP: "recipients_stopped",
    JobKind.DELETE: "recipients_deleted",
}


# What a person does --------------------------------------------------------------------
def order_job(selection: Selection, *, kind: JobKind, by: User, **wish: Any) -> BulkJob:
    """Change the selected: few at once, many in the background.

    A Conflict that stops a change of few is raised here, later it is the job's error.
    """
    workspace = selection.search.workspace
    require_role(by, workspace, Role.EDITOR)
    found = count_up_to(selection.recipients(), AT_ONCE)
    job = BulkJob.objects.create(
        workspace=workspace,
        created_by=by,
        kind=kind,
        selection=pack_selection(selection),
        wish=wish,
        total=found.number,
    )
    if found.more:
        nudge_job(job.pk)
        return job
    return _finish_now(job)


def cancel_job(job: BulkJob, *, by: User) -> bool:
    """Stop; what has been done stays, and can be undone. False if it has ended."""
    require_role(by, job.workspace, Role.EDITOR)
    open_ = BulkJob.objects.filter(
        pk=job.pk, state__in=[WorkState.WAITING, WorkState.RUNNING]
    )
    with transaction.atomic():
        if not open_.update(
            state=WorkState.CANCELLED, finished_at=timezone.now(), lease_token=None
        ):
            return False
        _audit(job, by, "bulk_cancelled")
    return True


def undo_job(job: BulkJob, *, by: User) -> BulkJob:
    """Take back what the job has changed; Conflict if that cannot be done (any more)."""
    require_role(by, job.workspace, Role.EDITOR)
    with transaction.atomic():
        row: BulkJob = BulkJob.objects.select_for_update().get(pk=job.pk)
        if not row.can_be_undone:
            raise Conflict("not_undoable", _("This cannot be undone any more."))
        row.state, row.error, row.finished_at = WorkState.WAITING, "", None
        row.started_at, row.total = timezone.now(), row.cursor
        row.step, row.done = JobStep.UNDOING, 0  # one that was cancelled goes on
        row.save()
        _audit(row, by, "bulk_undone")
    if row.total <= AT_ONCE:
        return _finish_now(row)
    nudge_job(row.pk)
    return row


def _finish_now(job: BulkJob) -> BulkJob:
    run_job(job.pk, seconds=None)
    job.refresh_from_db()
    if job.state == WorkState.FAILED:
        raise Conflict(job.error, error_words(job.error))
    return job


def error_words(code: str) -> str:
    return str(ERRORS.get(code, code))


ERRORS = {
    "list_gone": _("This list has been deleted."),
    "segment_gone": _("This segment has been deleted."),
}


def _audit(job: BulkJob, by: User | None, verb: str, **details: Any) -> None:
    write_audit(job.workspace, by=by, verb=verb, subject=job, **details)


# What a worker does --------------------------------------------------------------------
def run_job(pk: UUID, *, seconds: float | None = TURN_SECONDS) -> bool:
    """Do batches for so long (None: to the end); say whether some are left."""
    job = take(BulkJob, pk)
    if job is None:
        return False
    ends = None if seconds is None else time.monotonic() + seconds
    try:
        while _advance(job):
            if ends and time.monotonic() >= ends:
                let_go(job, state=WorkState.WAITING)
                return True
    except LeaseLost:  # cancelled, or somebody else has it
        pass
    return False


def _advance(job: BulkJob) -> bool:
    """Do the next batch; False when that was all."""
    try:
        with transaction.atomic():
            return STEPS[job.step](job)
    except PochtarError as error:
        let_go(job, state=WorkState.FAILED, error=error.code)
        return False


def _choose(job: BulkJob) -> bool:
    """Write down who is meant."""
    selection = unpack_selection(job.workspace, job.selection)
    chosen = selection.recipients().order_by().values_list("id")
    number = _freeze(job, chosen)
    _begin(job, JobStep.APPLYING, selected=number, total=number)
    return True


def _freeze(job: BulkJob, chosen: QuerySet[Any, Any]) -> int:
    try:
        compiler = chosen.query.get_compiler(connection=connection)
        inner, parameters = compiler.as_sql()
    except EmptyResultSet:  # nobody can be meant
        return 0
    quote = connection.ops.quote_name
    job_id = BulkItem._meta.get_field("job")
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(BulkItem._meta.db_table)} "  # noqa: S608
            "(job_id, position, recipient_id) SELECT %s, "
            "ROW_NUMBER() OVER (ORDER BY chosen.id), chosen.id "
            f"FROM ({inner}) AS chosen ORDER BY chosen.id",
            [job_id.get_db_prep_value(job.pk, connection), *parameters],
        )
        return int(cursor.rowcount)


def _begin(job: BulkJob, step: JobStep, **values: Any) -> None:
    keep(job, step=step, done=0, started_at=timezone.now(), **values)


def _apply(job: BulkJob) -> bool:
    if job.cursor >= job.selected:
        _end(job, step=JobStep.APPLYING)
        return False
    to = min(job.cursor + BATCH, job.selected)
    number = APPLY[job.kind](job, items_of(job, after=job.cursor, to=to))
    keep(job, cursor=to, done=to, changed=job.changed + number)
    return True


def _undo(job: BulkJob) -> bool:
    """Go back from where the change has come to."""
    if job.cursor == 0:
        _end(job, step=JobStep.UNDONE)
        return False
    after = max(job.cursor - BATCH, 0)
    back = UNDO[job.kind](job, items_of(job, after=after, to=job.cursor))
    keep(
        job,
        cursor=after,
        done=job.total - after,
        returned=job.returned + back.returned,
        kept=job.kept + back.kept,
    )
    return True


def _end(job: BulkJob, *, step: JobStep) -> None:
    let_go(job, state=WorkState.DONE, step=step)
    if step == JobStep.UNDONE:
        _audit(job, job.created_by, "bulk_returned", number=job.returned)
        return
    _audit(job, job.created_by, VERBS[JobKind(job.kind)], number=job.changed)
    if job.kind == JobKind.DELETE:  # nothing can be undone: forget who they were
        _forget(job)


def forget_old(now: dt.datetime) -> int:
    """Forget whom actions of long ago have changed; say of how many actions."""
    before = now - dt.timedelta(days=settings.BULK_UNDO_DAYS)
    old = BulkJob.objects.filter(
        state__in=ENDED, finished_at__lt=before, forgotten=False
    )
    number = 0
    for job in old.iterator():
        with transaction.atomic():
            number += old.filter(pk=job.pk).update(forgotten=True)
            _forget(job)
    return number


def _forget(job: BulkJob) -> None:
    items = job.items.all()
    items._raw_delete(items.db)  # noqa: SLF001 - a statement


STEPS: Mapping[str, Callable[[BulkJob], bool]] = {
    JobStep.CHOOSING: _choose,
    JobStep.APPLYING: _apply,
    JobStep.UNDOING: _undo,
}
