"""The pages of senders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, URLResolver, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from pochtar.accounts.models import Role, Workspace
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.base.paging import keyset_page
from pochtar.delivery.dkim_signing import domain_of
from pochtar.delivery.dkim_words import Badge, badge_of_domain
from pochtar.delivery.models import Sender
from pochtar.delivery.relays import sandbox_relay
from pochtar.delivery.senders import change_sender, create_sender, delete_sender
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    role_view,
    workspace_view,
)
from pochtar.web.forms.senders import SenderForm

form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@workspace_view
def senders(request: WorkspaceRequest) -> HttpResponse:
    rows = Sender.objects.of(request.workspace).select_related("relay")
    page = keyset_page(rows, order="from_email", cursor=request.GET.get("cursor", ""))
    context = {"page": page, "rows": _with_signatures(request.workspace, page.rows)}
    return render(request, "senders/index.html", context)


def _with_signatures(
    workspace: Workspace, rows: Iterable[Sender]
) -> list[tuple[Sender, str, Badge]]:
    """Put to each sender its domain, and whether letters from there are signed."""
    found = [(sender, domain_of(sender.from_email)) for sender in rows]
    badges = {name: badge_of_domain(workspace, name) for _sender, name in found}
    return [(sender, name, badges[name]) for sender, name in found]


@form_view
@role_view(Role.MANAGER)
def sender_add(request: WorkspaceRequest) -> HttpResponse:
    sandbox_relay(request.workspace)
    posted = request.POST if request.method == "POST" else None
    form = SenderForm(posted, workspace=request.workspace)
    if posted is not None and form.is_valid():
        try:
            create_sender(request.workspace, form.draft(), by=request.user)
        except InvalidInput as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(request, _("The sender has been added."))
            return redirect("senders")
    return _form(request, form, {})


@form_view
@workspace_view
def sender_edit(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    sender = find_editable(_all(), request, pk)
    context = {"sender": sender, "sender_title": sender.from_name or sender.from_email}
    context["sender_note"] = sender.from_email if sender.from_name else ""
    posted = request.POST if request.method == "POST" else None
    form = SenderForm(posted, workspace=sender.workspace, sender=sender)
    if posted is not None and form.is_valid():
        try:
            change_sender(sender, form.draft(), by=request.user)
        except InvalidInput as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect("senders")
    return _form(request, form, context)


@form_view
@workspace_view
def sender_delete(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    sender = find_editable(_all(), request, pk)
    if request.method == "POST":
        try:
            delete_sender(sender, by=request.user)
        except Conflict as error:
            messages.error(request, str(error))
            return redirect("sender-edit", sender.pk)
        messages.success(request, _("The sender has been deleted."))
        return redirect("senders")
    return render(request, "senders/delete.html", {"sender": sender})


def _all() -> Any:
    return Sender.objects.select_related("workspace", "relay")


def _form(
    request: WorkspaceRequest, form: SenderForm, context: dict[str, Any]
) -> HttpResponse:
    context["form"] = form
    status = 422 if form.errors else 200
    return render(request, "senders/edit.html", context, status=status)


urlpatterns: list[URLPattern | URLResolver] = [
    path("senders/", senders, name="senders"),
    path("senders/add/", sender_add, name="sender-add"),
    path("senders/<uuid:pk>/", sender_edit, name="sender-edit"),
    path("senders/<uuid:pk>/delete/", sender_delete, name="sender-delete"),
]
