"""The pages of segments: the list, one segment, and the builder of its rule."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from mailcore.segments import Rule, parse_rule
from pochtar.accounts.models import Role, Workspace
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.base.paging import keyset_page
from pochtar.mailings.models import Mailing
from pochtar.recipients.models import Segment
from pochtar.recipients.segment_services import (
    change_segment,
    create_segment,
    delete_segment,
)
from pochtar.recipients.segment_words import describe, names_in
from pochtar.recipients.segments import matching, segment_page, segment_recipients
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    find_visible,
    role_view,
    workspace_view,
)
from pochtar.web.forms.segments import SegmentPage

SIZE = 30
PREVIEWED = 10
form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@workspace_view
def segments(request: WorkspaceRequest) -> HttpResponse:
    page = keyset_page(
        Segment.objects.of(request.workspace),
        order="name",
        cursor=request.GET.get("cursor", ""),
        size=SIZE,
    )
    rules = [parse_rule(row.rule) for row in page.rows]
    names = names_in(request.workspace, rules)
    rows = [
        (row, describe(rule, names)) for row, rule in zip(page.rows, rules, strict=True)
    ]
    return render(request, "segments/index.html", {"page": page, "rows": rows})


@require_safe
@workspace_view
def segment(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = _seen(request, pk)
    rule = parse_rule(row.rule)
    page = segment_page(row, cursor=request.GET.get("cursor", ""))
    context = {
        "segment": row,
        "sentence": describe(rule, names_in(row.workspace, [rule])),
        "page": page,
        "mailings": waiting_mailings(row),
    }
    return render(request, "segments/segment.html", context)


@require_safe
@workspace_view
def segment_count(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Say how many are in the segment now: a fragment that pages load by themselves."""
    row = _seen(request, pk)
    context = {"count": segment_recipients(row).count()}
    return render(request, "segments/_count.html", context)


@form_view
@role_view(Role.EDITOR)
def segment_add(request: WorkspaceRequest) -> HttpResponse:
    page = SegmentPage(request.workspace, _data(request))
    if _complete(request, page):
        try:
            row = create_segment(
                request.workspace, by=request.user, name=_name(page), rule=_rule(page)
            )
        except InvalidInput as error:
            page.form.add_error(error.field or None, str(error))
        else:
            messages.success(request, _("The segment has been created."))
            return redirect("segment", row.pk)
    return _form(request, page, {})


@form_view
@workspace_view
def segment_edit(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row: Segment = find_editable(
        Segment.objects.select_related("workspace"), request, pk
    )
    title = row.name
    page = SegmentPage(row.workspace, _data(request), segment=row)
    if _complete(request, page):
        try:
            change_segment(row, by=request.user, name=_name(page), rule=_rule(page))
        except InvalidInput as error:
            page.form.add_error(error.field or None, str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect("segment", row.pk)
    return _form(request, page, {"segment": row, "segment_title": title})


@require_POST
@role_view(Role.EDITOR)
def segment_build(request: WorkspaceRequest) -> HttpResponse:
    """Redraw the tree after a button or a choice; nothing is saved."""
    page = SegmentPage(request.workspace, request.POST)
    response = render(request, "segments/_builder.html", {"builder": page})
    response["HX-Trigger-After-Swap"] = "segment-built"
    return response


@require_POST
@role_view(Role.EDITOR)
def segment_preview(request: WorkspaceRequest) -> HttpResponse:
    """Say whom the rule of the form finds; nothing is saved."""
    page = SegmentPage(request.workspace, request.POST)
    context = _preview(request.workspace, page.rule())
    return render(request, "segments/_preview.html", context)


@form_view
@workspace_view
def segment_delete(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row: Segment = find_editable(
        Segment.objects.select_related("workspace"), request, pk
    )
    if request.method == "POST":
        try:
            delete_segment(row, by=request.user, waiting_mailings=waiting_mailings)
        except Conflict as error:
            messages.error(request, str(error))
            return redirect("segment-delete", row.pk)
        messages.success(request, _("The segment has been deleted."))
        return redirect("segments")
    context = {"segment": row, "mailings": waiting_mailings(row)}
    return render(request, "segments/delete.html", context)


def waiting_mailings(row: Segment) -> list[str]:
    """Return the names of mailings that use the segment and have yet to start."""
    waiting = Mailing.objects.waiting_for_segment(row)
    return list(waiting.order_by("pk").values_list("name", flat=True))


def _seen(request: WorkspaceRequest, pk: UUID) -> Segment:
    row: Segment = find_visible(
        Segment.objects.select_related("workspace"), request, pk
    )
    return row


def _data(request: WorkspaceRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _complete(request: WorkspaceRequest, page: SegmentPage) -> bool:
    """Say whether the form was sent to be saved, and can be tried."""
    if request.method != "POST" or "do" in request.POST or "count" in request.POST:
        return False
    return page.is_valid()


def _name(page: SegmentPage) -> str:
    return str(page.form.cleaned_data["name"])


def _rule(page: SegmentPage) -> Rule:
    rule = page.rule()
    assert rule is not None
    return rule


def _preview(workspace: Workspace, rule: Rule | None) -> dict[str, Any]:
    if rule is None:
        return {"incomplete": True}
    people = matching(workspace, rule, now=timezone.now())
    return {
        "count": people.count(),
        "people": people.order_by("-pk")[:PREVIEWED],
        "sentence": describe(rule, names_in(workspace, [rule])),
    }


def _form(
    request: WorkspaceRequest, page: SegmentPage, context: dict[str, Any]
) -> HttpResponse:
    row = context.get("segment")
    if "count" in request.POST:
        context |= _preview(row.workspace if row else request.workspace, page.rule())
    context |= {"form": page.form, "builder": page}
    wrong = request.method == "POST" and page.has_errors
    return render(request, "segments/edit.html", context, status=422 if wrong else 200)


urlpatterns = [
    path("segments/", segments, name="segments"),
    path("segments/add/", segment_add, name="segment-add"),
    path("segments/build/", segment_build, name="segment-build"),
    path("segments/preview/", segment_preview, name="segment-preview"),
    path("segments/<uuid:pk>/", segment, name="segment"),
    path("segments/<uuid:pk>/count/", segment_count, name="segment-count"),
    path("segments/<uuid:pk>/edit/", segment_edit, name="segment-edit"),
    path("segments/<uuid:pk>/delete/", segment_delete, name="segment-delete"),
]
