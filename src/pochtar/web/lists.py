"""The pages of lists."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from pochtar.accounts.models import Role
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.base.paging import keyset_page
from pochtar.mailings.models import Mailing
from pochtar.recipients.bulk import add_selected
from pochtar.recipients.lists import change_list, create_list, delete_list
from pochtar.recipients.models import RecipientList, Subscription
from pochtar.recipients.search import Search, count_up_to, find_page
from pochtar.recipients.selections import Selection
from pochtar.recipients.words import fold
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    find_visible,
    role_view,
    workspace_view,
)
from pochtar.web.forms.lists import ListForm
from pochtar.web.recipient_table import (
    LONGEST_QUERY,
    found_recipients,
    read_id,
    wants_fragment,
)

SIZE = 30
PICKED = 20
MOST_LISTS = 2000
form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@workspace_view
def lists(request: WorkspaceRequest) -> HttpResponse:
    page = keyset_page(
        RecipientList.objects.of(request.workspace),
        order="name",
        cursor=request.GET.get("cursor", ""),
        size=SIZE,
    )
    rows = [(row, count_up_to(row.subscriptions.all())) for row in page.rows]
    return render(request, "lists/index.html", {"page": page, "rows": rows})


@require_safe
@workspace_view
def lists_search(request: WorkspaceRequest) -> JsonResponse:
    """Answer a picker of lists."""
    text = fold(request.GET.get("q", "")[:LONGEST_QUERY])
    rows = RecipientList.objects.of(request.workspace).order_by("name")
    # Compared here: SQLite knows the case of ASCII only, and lists are few.
    found = [row for row in rows[:MOST_LISTS] if text in fold(row.name)]
    results = [
        {"id": str(row.pk), "value": str(row.pk), "text": row.name}
        for row in found[:PICKED]
    ]
    return JsonResponse({"results": results})


@require_safe
@workspace_view
def list_page(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = find_visible(RecipientList.objects.select_related("workspace"), request, pk)
    context = found_recipients(request, of_list=row)
    context |= {"list": row, "mailings": waiting_mailings(row)}
    page = "lists/list.html" + ("#found" if wants_fragment(request) else "")
    response = render(request, page, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@form_view
@role_view(Role.EDITOR)
def list_add(request: WorkspaceRequest) -> HttpResponse:
    form = ListForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            row = create_list(request.workspace, by=request.user, **form.cleaned_data)
        except InvalidInput as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(request, _("The list has been created."))
            return redirect("list", row.pk)
    return _form(request, form, {})


@form_view
@workspace_view
def list_edit(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = _find(request, pk)
    title = row.name
    form = ListForm(
        request.POST if request.method == "POST" else None,
        initial={"name": row.name, "description": row.description},
    )
    if request.method == "POST" and form.is_valid():
        try:
            change_list(row, by=request.user, **form.cleaned_data)
        except InvalidInput as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect("list", row.pk)
    return _form(request, form, {"list": row, "list_title": title})


@form_view
@workspace_view
def list_delete(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = _find(request, pk)
    if request.method == "POST":
        try:
            delete_list(row, by=request.user, waiting_mailings=waiting_mailings)
        except Conflict as error:
            messages.error(request, str(error))
            return redirect("list-delete", row.pk)
        messages.success(request, _("The list has been deleted."))
        return redirect("lists")
    context = {
        "list": row,
        "mailings": waiting_mailings(row),
        "members": count_up_to(row.subscriptions.all()),
    }
    return render(request, "lists/delete.html", context)


@form_view
@workspace_view
def list_pick(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Find recipients and put those that are ticked into the list."""
    row = _find(request, pk)
    text = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_QUERY]
    search = Search(workspace=row.workspace, text=text)
    if request.method == "POST":
        return _put(request, row, search)
    found = find_page(search, cursor=request.GET.get("cursor", ""), size=PICKED)
    shown = [recipient.pk for recipient in found.page.rows]
    inside = Subscription.objects.filter(list=row, recipient__in=shown)
    context = {
        "list": row,
        "query": text,
        "found": found,
        "page": found.page,
        "members": set(inside.values_list("recipient", flat=True)),
    }
    page = "lists/pick.html" + ("#found" if wants_fragment(request) else "")
    response = render(request, page, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _put(request: WorkspaceRequest, row: RecipientList, search: Search) -> HttpResponse:
    ticked = [pk for text in request.POST.getlist("pick") if (pk := read_id(text))]
    if not ticked:
        messages.warning(request, _("Tick at least one recipient first."))
        return redirect(request.get_full_path())
    selection = Selection(search=search, ids=frozenset(ticked))
    try:
        number = add_selected(selection, to=row, by=request.user).changed
    except Conflict as error:
        messages.error(request, str(error))
        return redirect("lists")
    text = ngettext(
        "%(number)d recipient has been added.",
        "%(number)d recipients have been added.",
        number,
    )
    messages.success(request, text % {"number": number})
    return redirect(request.get_full_path())


def waiting_mailings(row: RecipientList) -> list[str]:
    """Return the names of mailings that use the list and have yet to start."""
    waiting = Mailing.objects.waiting_for_list(row)
    return list(waiting.order_by("pk").values_list("name", flat=True))


def _find(request: WorkspaceRequest, pk: UUID) -> RecipientList:
    row: RecipientList = find_editable(
        RecipientList.objects.select_related("workspace"), request, pk
    )
    return row


def _form(
    request: WorkspaceRequest, form: ListForm, context: dict[str, Any]
) -> HttpResponse:
    context["form"] = form
    status = 422 if form.errors else 200
    return render(request, "lists/edit.html", context, status=status)


urlpatterns = [
    path("lists/", lists, name="lists"),
    path("lists/search/", lists_search, name="lists-search"),
    path("lists/add/", list_add, name="list-add"),
    path("lists/<uuid:pk>/", list_page, name="list"),
    path("lists/<uuid:pk>/edit/", list_edit, name="list-edit"),
    path("lists/<uuid:pk>/delete/", list_delete, name="list-delete"),
    path("lists/<uuid:pk>/pick/", list_pick, name="list-pick"),
]
