"""The page of one recipient: what is known, and what happened, newest first."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from pochtar.base.paging import keyset_page
from pochtar.delivery.models import Attempt
from pochtar.delivery.reasons import reason_words
from pochtar.delivery.reply_words import Explained, explain_attempt
from pochtar.recipients.consent_proof import entries_of
from pochtar.recipients.domain_health import health_of
from pochtar.recipients.hygiene import hints_about
from pochtar.recipients.models import Recipient, RecipientList
from pochtar.recipients.places import leave_list
from pochtar.recipients.stopping import stops_of
from pochtar.reports.timeline import read_timeline
from pochtar.reports.timeline_sources import SOURCES
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    find_visible,
    workspace_view,
)
from pochtar.web.recipient_table import read_id

LETTERS = "letters"
SHOWN = 20


@require_safe
@workspace_view
def recipient(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = find_visible(Recipient.objects.select_related("workspace"), request, pk)
    show = LETTERS if request.GET.get("show") == LETTERS else ""
    cursor = request.GET.get("cursor", "")
    stops = list(stops_of(row).select_related("created_by"))
    context = {
        "recipient": row,
        "places": row.subscriptions.select_related("list").order_by("list__name"),
        "stops": stops,
        "stopped_address": any(stop.address_hash for stop in stops),
        "proof": entries_of(row.workspace, row.address_hash)
        .order_by("-sequence")
        .first(),
        "hints": hints_about(row.email),
        "health": health_of(row.email_key),
        "show": show,
    }
    if show:
        context |= _letters(request, row, cursor)
    else:
        context["timeline"] = read_timeline(row, SOURCES, cursor=cursor)
    return render(request, "recipients/recipient.html", context)


def _letters(request: WorkspaceRequest, row: Recipient, cursor: str) -> dict[str, Any]:
    attempts = (
        Attempt.objects.visible_to(request.user)
        .filter(delivery__recipient=row)
        .select_related("run__mailing", "delivery")
    )
    page = keyset_page(attempts, cursor=cursor, size=SHOWN)
    history = [
        (attempt, reason_words(attempt.reason), _meaning(attempt))
        for attempt in page.rows
    ]
    return {"page": page, "history": history}


def _meaning(attempt: Attempt) -> Explained | None:
    return None if attempt.succeeded else explain_attempt(attempt)


@require_POST
@workspace_view
def recipient_leave(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Take the recipient out of the list that the form names."""
    row = find_editable(Recipient.objects.select_related("workspace"), request, pk)
    chosen = read_id(request.POST.get("list", ""))
    out_of = RecipientList.objects.of(row.workspace).filter(pk=chosen).first()
    if out_of and leave_list(row, out_of, by=request.user):
        messages.success(
            request, _("Taken out of the list “%(list)s”.") % {"list": out_of.name}
        )
    return redirect("recipient", pk)
