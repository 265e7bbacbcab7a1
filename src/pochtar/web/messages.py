"""Messages: list, form, copy, deletion; message_page.py shows one."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages as notes
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from mailcore.plaintext import html_to_text
from pochtar.accounts.models import Role, Workspace
from pochtar.base.errors import Conflict
from pochtar.base.paging import keyset_page
from pochtar.content.checks import LONGEST, UNSUBSCRIBE_NAME
from pochtar.content.models import Message
from pochtar.content.services import (
    change_message,
    create_message,
    delete_message,
    duplicate_message,
)
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    role_view,
    workspace_view,
)
from pochtar.web.forms.messages import SORTS, MessageFilter, MessageForm
from pochtar.web.message_page import (
    known_names,
    message_frame,
    message_page,
    message_test,
)

PAGE_SIZE = 25
SHOWN_MAILINGS = 20
UNPROCESSABLE = 422
form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@workspace_view
def message_list(request: WorkspaceRequest) -> HttpResponse:
    form = MessageFilter(request.GET)
    mine = Message.objects.visible_to(request.user).of(request.workspace)
    found = form.narrow(mine)
    # The bodies are not shown, and may be long.
    page = keyset_page(
        found.defer("html", "text"),
        order=SORTS[form.sort_by],
        cursor=request.GET.get("cursor", ""),
        size=PAGE_SIZE,
    )
    context = {
        "page": page,
        "query": form.cleaned_data.get("q", ""),
        "sort": form.sort_by,
        "none_at_all": not page.rows and not mine.exists(),
    }
    return render(request, "messages/index.html", context)


@form_view
@role_view(Role.EDITOR)
def message_add(request: WorkspaceRequest) -> HttpResponse:
    form = _form(request, request.workspace)
    if request.method == "POST" and form.is_valid():
        message = create_message(
            request.workspace, form.draft, names=form.names, by=request.user
        )
        notes.success(request, _("The message is saved."))
        return redirect("message", pk=message.pk)
    return _show_form(request, form, None)


@form_view
@workspace_view
def message_edit(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    message = _find(request, pk)
    form = _form(request, message.workspace, message)
    if request.method == "POST" and form.is_valid():
        try:
            change_message(message, form.draft, names=form.names, by=request.user)
        except Conflict as error:
            notes.error(request, str(error))
            return redirect("messages")
        notes.success(request, _("The message is saved."))
        return redirect("message", pk=pk)
    return _show_form(request, form, message)


@require_POST
@workspace_view
def message_duplicate(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    copy = duplicate_message(_find(request, pk), by=request.user)
    notes.success(request, _("This is the copy: change what you like."))
    return redirect("message-edit", pk=copy.pk)


@form_view
@workspace_view
def message_delete(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    message = _find(request, pk)
    if request.method == "POST":
        try:
            delete_message(message, by=request.user)
        except Conflict as error:
            notes.error(request, str(error))
            return redirect("message", pk=pk)
        notes.success(request, _("The message is deleted."))
        return redirect("messages")
    context = {
        "message": message,
        "mailings": message.mailings.order_by("-pk")[:SHOWN_MAILINGS],
    }
    return render(request, "messages/delete.html", context)


def _find(request: WorkspaceRequest, pk: UUID) -> Message:
    row: Message = find_editable(
        Message.objects.select_related("workspace"), request, pk
    )
    return row


def _form(
    request: WorkspaceRequest, workspace: Workspace, message: Message | None = None
) -> MessageForm:
    labels = {
        "full_name": _("Full name"),
        "email": _("E-mail"),
        UNSUBSCRIBE_NAME: _("Link to unsubscribe"),
    }
    fields = [(name, labels.get(name, name)) for name in known_names(workspace)]
    data = request.POST if request.method == "POST" else None
    return MessageForm(data, fields=fields, message=message)


def _show_form(
    request: WorkspaceRequest, form: MessageForm, message: Message | None
) -> HttpResponse:
    context = {
        "form": form,
        "message": message,
        "automatic": html_to_text((form["html"].value() or "")[: LONGEST["html"]]),
    }
    status = UNPROCESSABLE if form.errors else 200
    return render(request, "messages/form.html", context, status=status)


urlpatterns = [
    path("messages/", message_list, name="messages"),
    path("messages/add/", message_add, name="message-add"),
    path("messages/<uuid:pk>/", message_page, name="message"),
    path("messages/<uuid:pk>/frame/", message_frame, name="message-frame"),
    path("messages/<uuid:pk>/test/", message_test, name="message-test"),
    path("messages/<uuid:pk>/edit/", message_edit, name="message-edit"),
    path("messages/<uuid:pk>/duplicate/", message_duplicate, name="message-duplicate"),
    path("messages/<uuid:pk>/delete/", message_delete, name="message-delete"),
]
