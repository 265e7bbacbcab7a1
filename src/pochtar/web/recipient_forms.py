"""Add, edit and delete one recipient; let one leave the mailings."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from pochtar.accounts.models import Role
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.recipients.attributes import defined_attributes
from pochtar.recipients.bulk import delete_selected
from pochtar.recipients.leaving import resubscribe_recipient, unsubscribe_recipient
from pochtar.recipients.models import Attribute, Recipient, UnsubscribedVia
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection
from pochtar.recipients.services import change_recipient, create_recipient
from pochtar.recipients.standing import stop_of
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    role_view,
    workspace_view,
)
from pochtar.web.forms.recipients import RecipientPage

form_view = require_http_methods(["GET", "HEAD", "POST"])


@form_view
@role_view(Role.EDITOR)
def recipient_add(request: WorkspaceRequest) -> HttpResponse:
    page = RecipientPage(
        request.POST if request.method == "POST" else None,
        definitions=list(defined_attributes(request.workspace)),
    )
    if _complete(request, page) and not page.doubts():
        try:
            row = create_recipient(request.workspace, page.person(), by=request.user)
        except InvalidInput as error:
            page.show(error)
        else:
            messages.success(request, _("The recipient has been added."))
            _warn_of_stop(request, row)
            return _saved(request, row)
    return _render(request, page, {})


@form_view
@workspace_view
def recipient_edit(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = _find(request, pk)
    title = str(row.full_name or row.email)  # as it is stored, not as it is typed
    known = row.email
    page = RecipientPage(
        request.POST if request.method == "POST" else None,
        recipient=row,
        definitions=list(defined_attributes(row.workspace)),
    )
    if _complete(request, page) and not page.doubts(known):
        try:
            change_recipient(row, page.person(), by=request.user)
        except InvalidInput as error:
            page.show(error)
        except Conflict as error:
            messages.error(request, str(error))
            return redirect("recipients")
        else:
            messages.success(request, _("Saved."))
            _warn_of_stop(request, row)
            return _saved(request, row)
    return _render(request, page, {"recipient": row, "recipient_title": title})


@form_view
@workspace_view
def recipient_delete(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = _find(request, pk)
    if request.method == "POST":
        search = Search(workspace=row.workspace)
        delete_selected(Selection(search=search, ids=frozenset({pk})), by=request.user)
        messages.success(request, _("The recipient has been deleted."))
        return redirect("recipients")
    return render(request, "recipients/delete.html", {"recipient": row})


@form_view
@workspace_view
def recipient_unsubscribe(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = _find(request, pk)
    if request.method == "POST":
        unsubscribe_recipient(row, via=UnsubscribedVia.PERSON, by=request.user)
        messages.success(request, _("The recipient gets no more mailings."))
        return redirect("recipient", pk)
    return render(request, "recipients/unsubscribe.html", {"recipient": row})


@form_view
@workspace_view
def recipient_resubscribe(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = _find(request, pk)
    if request.method == "POST":
        resubscribe_recipient(row, by=request.user)
        messages.success(request, _("The recipient gets mailings again."))
        return redirect("recipient", pk)
    return render(request, "recipients/resubscribe.html", {"recipient": row})


def _find(request: WorkspaceRequest, pk: UUID) -> Recipient:
    row: Recipient = find_editable(
        Recipient.objects.select_related("workspace"), request, pk
    )
    return row


def _complete(request: WorkspaceRequest, page: RecipientPage) -> bool:
    """Say whether the form was sent to be saved, and can be tried."""
    if request.method != "POST" or "more" in request.POST:
        return False
    return page.is_valid() and not page.twice()


def _warn_of_stop(request: WorkspaceRequest, row: Recipient) -> None:
    """Say that no mailing reaches the address, and why (BNC-07)."""
    stop = stop_of(row) if row.suppressed else None
    if not stop:
        return
    if stop.domain:
        text = _(
            "The domain %(domain)s is on the stop list since %(when)s: %(reason)s."
        )
    else:
        text = _("This address is on the stop list since %(when)s: %(reason)s.")
    said = text % {
        "domain": stop.domain,
        "when": date_format(localtime(stop.created_at), "j E Y"),
        "reason": stop.get_reason_display(),
    }
    messages.warning(request, f"{said} {_('No mailing reaches it.')}")


def _saved(request: WorkspaceRequest, row: Recipient) -> HttpResponse:
    if "again" in request.POST:
        return redirect("recipient-add")
    return redirect(reverse("recipient", args=[row.pk]))


def _render(
    request: WorkspaceRequest, page: RecipientPage, context: dict[str, Any]
) -> HttpResponse:
    row = context.get("recipient")
    workspace = row.workspace if row else request.workspace
    keys = Attribute.objects.of(workspace).order_by("key")
    context |= {
        "form": page.form,
        "typed": page.typed,
        "rows": page.rows,
        "suggestion": page.suggestion,
        "keys": keys.exclude(pk__in=defined_attributes(workspace)).values_list(
            "key", flat=True
        ),
        "has_errors": page.form.errors or page.typed.errors or any(page.rows.errors),
    }
    status = 422 if request.method == "POST" and context["has_errors"] else 200
    return render(request, "recipients/edit.html", context, status=status)
