"""Launch, take back, pause, continue, cancel: the buttons that managers have."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from pochtar.base.errors import PochtarError
from pochtar.mailings import launch, services
from pochtar.mailings.lifecycle import Action, can
from pochtar.mailings.models import Mailing, MailingStatus
from pochtar.mailings.preflight import Preflight
from pochtar.web.access import WorkspaceRequest, workspace_view
from pochtar.web.mailing_audience import shown_audience
from pochtar.web.mailing_page import find_launchable, refused
from pochtar.web.progress import live_progress


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view
def mailing_launch(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Say how many people get what from whom; launch when that is confirmed."""
    mailing = find_launchable(request, pk)
    if request.method != "POST":
        if not can(Action.LAUNCH, mailing.state):
            return refused(request, mailing, services.refuse(mailing, Action.LAUNCH))
        flight = Preflight(mailing, now=timezone.now())
        context = {
            "mailing": mailing,
            "flight": flight,
            "audience": shown_audience(mailing),
            "canary": flight.canary,
            "undo_seconds": settings.LAUNCH_UNDO_SECONDS,
        }
        return render(request, "mailings/launch.html", context)
    at_once = mailing.status == MailingStatus.SCHEDULED
    return _do(
        request,
        mailing,
        lambda: launch.launch_mailing(
            mailing,
            by=request.user,
            now=timezone.now(),
            force_now=at_once,
            undo_seconds=settings.LAUNCH_UNDO_SECONDS,
        ),
    )


@require_POST
@workspace_view
def mailing_undo(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Take the launch back before the first letter."""
    mailing = find_launchable(request, pk)
    done = _("The launch is taken back: nobody has got a letter.")
    return _do(
        request,
        mailing,
        lambda: launch.undo_launch(mailing, by=request.user, now=timezone.now()),
        done=done,
    )


@require_POST
@workspace_view
def mailing_at_once(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Do not wait for second thoughts."""
    mailing = find_launchable(request, pk)
    return _do(
        request,
        mailing,
        lambda: launch.start_at_once(mailing, by=request.user, now=timezone.now()),
    )


@require_POST
@workspace_view
def mailing_pause(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Stop after the letters in hand."""
    mailing = find_launchable(request, pk)
    return _do(request, mailing, lambda: launch.pause_mailing(mailing, by=request.user))


@require_POST
@workspace_view
def mailing_resume(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Go on where it stopped."""
    mailing = find_launchable(request, pk)
    return _do(
        request, mailing, lambda: launch.resume_mailing(mailing, by=request.user)
    )


@require_POST
@workspace_view
def mailing_cancel(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Take a scheduled mailing back to the drafts."""
    mailing = find_launchable(request, pk)
    return _do(
        request, mailing, lambda: services.cancel_schedule(mailing, by=request.user)
    )


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view
def mailing_stop(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Say who has got it and who will not; end the mailing when that is confirmed."""
    mailing = find_launchable(request, pk)
    if request.method == "POST":
        return _do(
            request, mailing, lambda: launch.cancel_mailing(mailing, by=request.user)
        )
    if not mailing.run or not can(Action.CANCEL, mailing.state):
        return refused(request, mailing, services.refuse(mailing, Action.CANCEL))
    progress = live_progress(mailing.run, now=timezone.now())
    context = {
        "mailing": mailing,
        "progress": progress,
        "rest": progress.pending + progress.deferred,
    }
    return render(request, "mailings/stop.html", context)


def _do(
    request: WorkspaceRequest,
    mailing: Mailing,
    action: Callable[[], Mailing],
    *,
    done: str = "",
) -> HttpResponse:
    """Do it and show the mailing; a refusal shows the mailing too, with the reason."""
    try:
        changed = action()
    except PochtarError as error:
        return refused(request, mailing, error)
    if changed.state == MailingStatus.SCHEDULED:
        done = _("Scheduled: it starts by itself.")
    if done:
        messages.success(request, done)
    return redirect("mailing", pk=mailing.pk)
