"""One mailing's page: what it is before its launch, how it goes after it."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from pochtar.base.errors import PochtarError
from pochtar.delivery.models import Attempt, Run, RunStatus
from pochtar.delivery.retries import next_try_at, only_waits
from pochtar.mailings.lifecycle import Action, can
from pochtar.mailings.models import Mailing, MailingQuerySet, MailingStatus
from pochtar.mailings.preflight import Preflight, note_words
from pochtar.web.access import WorkspaceRequest, find_visible, workspace_view
from pochtar.web.attempts import attempts_context
from pochtar.web.progress import live_progress
from pochtar.web.reasons import pause_of

NOTHING_NEW = 204


def known_mailings() -> MailingQuerySet:
    rows: MailingQuerySet = Mailing.objects.select_related(
        "workspace", "message", "sender__relay", "run", "follows"
    )
    return rows


def find_launchable(request: WorkspaceRequest, pk: UUID) -> Mailing:
    """Return the mailing if the person may launch it; 404 if unseen, 403 if only seen."""
    mailing: Mailing = find_visible(known_mailings(), request, pk)
    if not Mailing.objects.launchable_by(request.user).filter(pk=pk).exists():
        raise PermissionDenied
    return mailing


@require_safe
@workspace_view
def mailing_page(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Show a mailing: what it is before the launch, how it goes after it."""
    mailing = find_visible(known_mailings(), request, pk)
    return render(request, "mailings/page.html", page_of(request, mailing))


def page_of(request: WorkspaceRequest, mailing: Mailing) -> dict[str, Any]:
    """Return what the page of a mailing shows."""
    now = timezone.now()
    context: dict[str, Any] = {
        "mailing": mailing,
        "state": mailing.state,
        "can": {str(action): can(action, mailing.state) for action in Action},
        "lists": mailing.lists.order_by("name"),
        "note": note_words(mailing.note),
        "command": f"python manage.py sendmail {mailing.pk}",
    }
    if not mailing.run:
        return context | {"preflight": Preflight(mailing, now=now)}
    attempts = Attempt.objects.filter(run=mailing.run)
    context |= attempts_context(request, attempts, mailing.workspace)
    context |= live_context(mailing, mailing.run, now=now)
    if mailing.run.status == RunStatus.PAUSED:
        context["pause"] = pause_of(mailing.run)
    return context


def live_context(mailing: Mailing, run: Run, *, now: dt.datetime) -> dict[str, Any]:
    """Return what the moving part of the page shows."""
    progress = live_progress(run, now=now)
    waits = bool(progress.deferred) and only_waits(run, now=now)
    return {
        "mailing": mailing,
        "run": run,
        "progress": progress,
        "next_try_at": next_try_at(run) if progress.deferred else None,
        "only_waits": waits,
    }


@require_safe
@workspace_view
def mailing_live(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Give the moving part of the page; reload the page when the state has changed.

    ``was`` is the state that the page shows.
    """
    mailing = find_visible(known_mailings(), request, pk)
    answer = HttpResponse(status=NOTHING_NEW)
    if mailing.run:
        context = live_context(mailing, mailing.run, now=timezone.now())
        answer = render(request, "mailings/page.html#live", context)
    if mailing.state != request.GET.get("was", MailingStatus.RUNNING):
        answer.status_code = 200  # HTMX reads no header of a 204
        answer["HX-Refresh"] = "true"
    return answer


def refused(
    request: WorkspaceRequest, mailing: Mailing, error: PochtarError
) -> HttpResponse:
    """Show the mailing as it is now, and why the action was refused (409)."""
    fresh = find_visible(known_mailings(), request, mailing.pk)
    context = page_of(request, fresh) | {"refusal": str(error)}
    return render(request, "mailings/page.html", context, status=409)
