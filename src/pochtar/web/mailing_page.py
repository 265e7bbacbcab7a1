"""One mailing's page: what it is before its launch, how it goes after it."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from pochtar.base.errors import PochtarError
from pochtar.delivery.models import Attempt, RunStatus
from pochtar.delivery.retries import next_try_at, only_waits
from pochtar.delivery.runs import OPEN_RUNS
from pochtar.delivery.verdicts import is_held
from pochtar.mailings.lifecycle import Action, can
from pochtar.mailings.models import (
    MISSED_ASK,
    Mailing,
    MailingQuerySet,
    MailingStatus,
)
from pochtar.mailings.preflight import Preflight, note_words
from pochtar.web.access import WorkspaceRequest, find_visible, workspace_view
from pochtar.web.attempts import attempts_context
from pochtar.web.mailing_audience import shown_audience
from pochtar.web.progress import live_progress
from pochtar.web.reasons import pause_of

NOTHING_NEW = 204
# Phases beside the states: the launch can be taken back, a missed start waits for an
# answer, a cancelled mailing has letters in hand.
WAITS, ASKS, ENDS = "waits", "asks", "ends"


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
        "phase": phase_of(mailing, now),
        "can": {str(action): can(action, mailing.state) for action in Action},
        "audience": shown_audience(mailing),
        "note": note_words(mailing.note) if mailing.note != MISSED_ASK else "",
        "asks": mailing.state == MailingStatus.SCHEDULED and mailing.note == MISSED_ASK,
        "command": f"python manage.py sendmail {mailing.pk}",
    }
    if not mailing.run:
        return context | {"preflight": Preflight(mailing, now=now)}
    attempts = Attempt.objects.filter(run=mailing.run)
    context |= attempts_context(request, attempts, mailing.workspace)
    context |= live_part(mailing, now)
    if mailing.run.status == RunStatus.PAUSED:
        context["pause"] = pause_of(mailing.run)
    return context


@require_safe
@workspace_view
def mailing_live(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Give the moving part of the page; reload the page when the phase has changed.

    ``was`` is the phase that the page shows.
    """
    mailing = find_visible(known_mailings(), request, pk)
    now, was = timezone.now(), request.GET.get("was", MailingStatus.RUNNING)
    answer = HttpResponse(status=NOTHING_NEW)
    if mailing.run:
        name = "left" if was == WAITS else "live"
        context = live_part(mailing, now)
        answer = render(request, f"mailings/page.html#{name}", context)
    if phase_of(mailing, now) != was:
        answer.status_code = 200  # HTMX reads no header of a 204
        answer["HX-Refresh"] = "true"
    return answer


def live_part(mailing: Mailing, now: dt.datetime) -> dict[str, Any]:
    """Return what moves on the page of a launched mailing."""
    run = mailing.run
    assert run
    left = (run.undo_until - now).total_seconds() if run.undo_until else 0
    progress = live_progress(run, now=now)
    return {
        "mailing": mailing,
        "run": run,
        "phase": phase_of(mailing, now),
        "progress": progress,
        "next_try_at": next_try_at(run) if progress.deferred else None,
        "only_waits": bool(progress.deferred) and only_waits(run, now=now),
        "left": max(math.ceil(left), 0),
        "held": run.status in OPEN_RUNS and is_held(run),
    }


def phase_of(mailing: Mailing, now: dt.datetime) -> str:
    """Return the state, told apart by what the page offers in it."""
    if mailing.waits_for_undo(now):
        return WAITS
    if mailing.state == MailingStatus.SCHEDULED and mailing.note:
        return ASKS
    return ENDS if mailing.has_letters_in_hand else str(mailing.state)


def refused(
    request: WorkspaceRequest, mailing: Mailing, error: PochtarError
) -> HttpResponse:
    """Show the mailing as it is now, and why the action was refused (409)."""
    fresh = find_visible(known_mailings(), request, mailing.pk)
    context = page_of(request, fresh) | {"refusal": str(error)}
    return render(request, "mailings/page.html", context, status=409)
