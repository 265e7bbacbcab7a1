"""The pages of bulk actions: how far one has come, stop it, take it back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from pochtar.base.errors import PochtarError
from pochtar.base.paging import keyset_page
from pochtar.recipients.jobs import cancel_job, error_words, undo_job
from pochtar.recipients.models import BulkJob, JobKind, JobStep
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    find_visible,
    workspace_view,
)
from pochtar.web.job_words import (
    done_words,
    names_of,
    selection_words,
    wish_words,
)

NOTHING_NEW = 204
ON_A_PAGE = 25


@require_safe
@workspace_view
def job_list(request: WorkspaceRequest) -> HttpResponse:
    rows = BulkJob.objects.of(request.workspace).select_related("created_by")
    page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=ON_A_PAGE)
    names = names_of(page.rows)
    jobs = [
        (job, wish_words(job), selection_words(job.selection, names))
        for job in page.rows
    ]
    return render(request, "recipients/jobs.html", {"page": page, "jobs": jobs})


@require_safe
@workspace_view
def job_page(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    job = find_visible(BulkJob.objects.select_related("created_by"), request, pk)
    return render(request, "recipients/job.html", _context(job))


@require_safe
@workspace_view
def job_live(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Give the moving part; reload the page when the phase (``was``) is over."""
    job = find_visible(BulkJob.objects.all(), request, pk)
    answer = render(request, "recipients/job.html#live", _context(job))
    if _phase(job) != request.GET.get("was", ""):
        answer["HX-Refresh"] = "true"
    return answer


def _phase(job: BulkJob) -> str:
    return f"{job.state}-{job.step}" if not job.is_active else job.step


def _context(job: BulkJob) -> dict[str, Any]:
    now = timezone.now()
    return {
        "job": job,
        "phase": _phase(job),
        "undoing": job.step == JobStep.UNDOING,
        "rate": job.rate(now) if job.is_active else 0,
        "seconds_left": job.seconds_left(now) if job.is_active else None,
        "wish": wish_words(job),
        "whom": selection_words(job.selection, names_of([job])),
        "outcome": done_words(job),
        "error": error_words(job.error) if job.error else "",
        "is_for_good": job.kind == JobKind.DELETE,
    }


@require_POST
@workspace_view
def job_cancel(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    job = find_editable(BulkJob.objects.all(), request, pk)
    if not cancel_job(job, by=request.user):
        messages.warning(request, _("It had ended already."))
    return redirect("job", job.pk)


@require_POST
@workspace_view
def job_undo(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    job = find_editable(BulkJob.objects.all(), request, pk)
    try:
        undo_job(job, by=request.user)
    except PochtarError as error:
        messages.error(request, str(error))
    return redirect("job", job.pk)


urlpatterns = [
    path("recipients/jobs/", job_list, name="jobs"),
    path("recipients/jobs/<uuid:pk>/", job_page, name="job"),
    path("recipients/jobs/<uuid:pk>/live/", job_live, name="job-live"),
    path("recipients/jobs/<uuid:pk>/cancel/", job_cancel, name="job-cancel"),
    path("recipients/jobs/<uuid:pk>/undo/", job_undo, name="job-undo"),
]
