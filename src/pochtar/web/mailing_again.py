"""Once more: to those who failed, to the unknown, to those added since."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from pochtar.base.errors import PochtarError
from pochtar.mailings import again, services
from pochtar.mailings.lifecycle import Action, can
from pochtar.web.access import WorkspaceRequest, find_editable, workspace_view
from pochtar.web.mailing_page import find_launchable, known_mailings, refused

FOR_GOOD_TOO = "all"


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view
def mailing_retry_failed(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Say how many failed, for now and for good; try those again who are chosen."""
    mailing = find_launchable(request, pk)
    if request.method != "POST":
        return _ask(request, pk, Action.RETRY_FAILED)
    try:
        again.retry_failed(
            mailing,
            by=request.user,
            for_good_too=request.POST.get("whom") == FOR_GOOD_TOO,
        )
    except PochtarError as error:
        return refused(request, mailing, error)
    return redirect("mailing", pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view
def mailing_send_unknown(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Say how many are unknown and what another letter means; send it."""
    mailing = find_launchable(request, pk)
    if request.method != "POST":
        return _ask(request, pk, Action.SEND_UNKNOWN)
    try:
        again.send_unknown(mailing, by=request.user)
    except PochtarError as error:
        return refused(request, mailing, error)
    return redirect("mailing", pk=pk)


def _ask(request: WorkspaceRequest, pk: UUID, action: Action) -> HttpResponse:
    mailing = find_launchable(request, pk)
    if not can(action, mailing.state):
        return refused(request, mailing, services.refuse(mailing, action))
    context: dict[str, Any] = {
        "mailing": mailing,
        "again": again.left_of(mailing),
        "unknown": action is Action.SEND_UNKNOWN,
    }
    return render(request, "mailings/again.html", context)


@require_POST
@workspace_view
def mailing_follow_up(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Make the draft for those added since, and open its form."""
    mailing = find_editable(known_mailings(), request, pk)
    try:
        copy = again.follow_up_mailing(mailing, by=request.user)
    except PochtarError as error:
        return refused(request, mailing, error)
    messages.success(
        request, _("This mailing leaves out everybody who has been written to.")
    )
    return redirect("mailing-edit", pk=copy.pk)
