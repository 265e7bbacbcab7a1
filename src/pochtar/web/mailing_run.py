"""Launch, pause, continue, cancel: the buttons of a mailing that managers have."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

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
from pochtar.web.mailing_page import find_launchable, refused


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view
def mailing_launch(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Say how many people get what from whom; launch when that is confirmed."""
    mailing = find_launchable(request, pk)
    if request.method != "POST":
        if not can(Action.LAUNCH, mailing.state):
            return refused(request, mailing, services.refuse(mailing, Action.LAUNCH))
        flight = Preflight(mailing, now=timezone.now())
        context = {"mailing": mailing, "flight": flight}
        return render(request, "mailings/launch.html", context)
    at_once = mailing.status == MailingStatus.SCHEDULED
    return _do(
        request,
        mailing,
        lambda: launch.launch_mailing(
            mailing, by=request.user, now=timezone.now(), force_now=at_once
        ),
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


def _do(
    request: WorkspaceRequest, mailing: Mailing, action: Callable[[], Mailing]
) -> HttpResponse:
    """Do it and show the mailing; a refusal shows the mailing too, with the reason."""
    try:
        changed = action()
    except PochtarError as error:
        return refused(request, mailing, error)
    if changed.state == MailingStatus.SCHEDULED:
        messages.success(request, _("Scheduled: it starts by itself."))
    return redirect("mailing", pk=mailing.pk)
