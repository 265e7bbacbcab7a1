"""What can be done for a person: stop writing, give them their data, erase, merge."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from pochtar.accounts.models import Role
from pochtar.accounts.services import role_of
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.delivery.models import Attempt, Delivery
from pochtar.mailings.erasure import erase_person
from pochtar.mailings.merging import merge_people
from pochtar.recipients.handing import note_handed_over
from pochtar.recipients.hygiene import hints_about
from pochtar.recipients.models import Recipient
from pochtar.recipients.search import Search, find_page
from pochtar.recipients.services import Person, change_recipient
from pochtar.recipients.stopping import allow_recipient, stop_recipient
from pochtar.reports.dossier import write_dossier
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    workspace_view,
)
from pochtar.web.forms.recipient_merge import MergeForm
from pochtar.web.forms.recipient_stop import StopForm
from pochtar.web.recipient_table import LONGEST_QUERY, read_id

form_view = require_http_methods(["GET", "HEAD", "POST"])
FOUND = 8


@form_view
@workspace_view
def recipient_stop(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = _find(request, pk)
    form = StopForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            stop_recipient(row, by=request.user, **form.cleaned_data)
        except InvalidInput as error:
            form.add_error(error.field or None, str(error))
        else:
            messages.success(request, _("The recipient is not written to any more."))
            return redirect("recipient", pk)
    context = {"recipient": row, "form": form}
    status = 422 if form.errors else 200
    return render(request, "recipients/stop.html", context, status=status)


@require_POST
@workspace_view
def recipient_correct(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Take the suggested domain instead of the mistyped one."""
    row = _find(request, pk)
    meant = hints_about(row.email).suggestion
    if not meant:
        return redirect("recipient", pk)
    person = Person(
        email=meant,
        full_name=row.full_name,
        comment=row.comment,
        attributes=row.attributes,
    )
    try:
        change_recipient(row, person, by=request.user)
    except InvalidInput as error:
        messages.error(request, str(error))
        other = error.details.get("recipient")
        if isinstance(other, Recipient):
            merge = reverse("recipient-merge", args=[pk])
            return redirect(f"{merge}?with={other.pk}")
    else:
        done = _("The address is %(email)s now.") % {"email": meant}
        messages.success(request, done)
    return redirect("recipient", pk)


@form_view
@workspace_view
def recipient_allow(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = _find(request, pk)
    if request.method != "POST":
        return render(request, "recipients/allow.html", {"recipient": row})
    try:
        allow_recipient(row, by=request.user)
    except Conflict as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, _("The address is off the stop list."))
    return redirect("recipient", pk)


@require_POST
@workspace_view
def recipient_dossier(request: WorkspaceRequest, pk: UUID) -> StreamingHttpResponse:
    """Give all that is stored about the person, as a file (LAW-06)."""
    row = _find(request, pk, lowest=Role.MANAGER)
    note_handed_over(row, by=request.user)
    answer = StreamingHttpResponse(write_dossier(row), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="recipient-{row.pk}.zip"'
    answer["Cache-Control"] = "no-store"
    return answer


@form_view
@workspace_view
def recipient_erase(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = _find(request, pk, lowest=Role.MANAGER)
    error = ""
    if request.method == "POST":
        try:
            erase_person(row, by=request.user)
        except Conflict as refused:
            error = str(refused)
        else:
            messages.success(request, _("The person has been erased."))
            return redirect("recipients")
    context = {
        "recipient": row,
        "error": error,
        "letters": Delivery.objects.filter(recipient=row).count(),
        "attempts": Attempt.objects.filter(delivery__recipient=row).count(),
    }
    status = 409 if error else 200
    return render(request, "recipients/erase.html", context, status=status)


@form_view
@workspace_view
def recipient_merge(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Ask for the other one, then for each value; without the other, search."""
    row = _find(request, pk)
    data = request.POST if request.method == "POST" else request.GET
    other = _other(row, read_id(data.get("with", "")))
    if other is None:
        return render(request, "recipients/merge.html", _search(request, row))
    form = MergeForm(
        request.POST if request.method == "POST" else None, pair=(row, other)
    )
    if request.method == "POST" and form.is_valid():
        stays, goes, person = form.wish()
        try:
            merge_people(stays, goes, person, by=request.user)
        except (InvalidInput, Conflict) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The two entries are one now."))
            return redirect("recipient", stays.pk)
    context = {"recipient": row, "other": other, "form": form}
    status = 422 if form.errors else 200
    return render(request, "recipients/merge.html", context, status=status)


def _other(row: Recipient, pk: UUID | None) -> Recipient | None:
    rows = Recipient.objects.of(row.workspace).select_related("workspace")
    other: Recipient | None = rows.filter(pk=pk).exclude(pk=row.pk).first()
    return other


def _search(request: WorkspaceRequest, row: Recipient) -> dict[str, Any]:
    """Look for the other one: by what was typed, else by the person's name."""
    typed = request.GET.get("q")
    text = (row.full_name if typed is None else typed).replace("\x00", "").strip()
    text = text[:LONGEST_QUERY]
    found: list[Recipient] = []
    if text:
        search = Search(workspace=row.workspace, text=text)
        people = find_page(search, size=FOUND + 1).page.rows
        found = [one for one in people if one.pk != row.pk][:FOUND]
    return {"recipient": row, "query": text, "found": found}


def _find(
    request: WorkspaceRequest, pk: UUID, *, lowest: Role = Role.EDITOR
) -> Recipient:
    rows = Recipient.objects.select_related("workspace")
    row: Recipient = find_editable(rows, request, pk)
    role = role_of(request.user, row.workspace)
    if role is None or not role.at_least(lowest):
        raise PermissionDenied
    return row
