"""The pages of recipients: the table, and what pickers ask; all their addresses."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from pochtar.recipients.models import RecipientList
from pochtar.recipients.search import Search, find_page
from pochtar.web import (
    recipient_bulk,
    recipient_forms,
    recipient_page,
    recipient_person,
)
from pochtar.web.access import WorkspaceRequest, workspace_view
from pochtar.web.recipient_table import found_recipients, wants_fragment

PICKED = 20


@require_safe
@workspace_view
def recipients(request: WorkspaceRequest) -> HttpResponse:
    context = found_recipients(request)
    context["lists"] = RecipientList.objects.of(request.workspace).order_by("name")
    page = "recipients/index.html"
    if wants_fragment(request):
        page += "#found"
    response = render(request, page, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
@workspace_view
def recipients_search(request: WorkspaceRequest) -> JsonResponse:
    """Answer a picker: the first few whose words begin with what was typed."""
    search = Search(workspace=request.workspace, text=request.GET.get("q", "")[:200])
    found = find_page(search, size=PICKED)
    return JsonResponse(
        {
            "results": [
                {
                    "id": str(row.pk),
                    "value": str(row.pk),
                    "text": str(row),
                    "name": row.full_name,
                    "email": row.email,
                }
                for row in found.page.rows
            ]
        }
    )


urlpatterns = [
    path("recipients/", recipients, name="recipients"),
    path("recipients/search/", recipients_search, name="recipients-search"),
    path("recipients/add/", recipient_forms.recipient_add, name="recipient-add"),
    path("recipients/bulk/", recipient_bulk.recipients_bulk, name="recipients-bulk"),
    path("recipients/<uuid:pk>/", recipient_page.recipient, name="recipient"),
    path(
        "recipients/<uuid:pk>/leave/",
        recipient_page.recipient_leave,
        name="recipient-leave",
    ),
    path(
        "recipients/<uuid:pk>/edit/",
        recipient_forms.recipient_edit,
        name="recipient-edit",
    ),
    path(
        "recipients/<uuid:pk>/delete/",
        recipient_forms.recipient_delete,
        name="recipient-delete",
    ),
    path(
        "recipients/<uuid:pk>/unsubscribe/",
        recipient_forms.recipient_unsubscribe,
        name="recipient-unsubscribe",
    ),
    path(
        "recipients/<uuid:pk>/resubscribe/",
        recipient_forms.recipient_resubscribe,
        name="recipient-resubscribe",
    ),
    path(
        "recipients/<uuid:pk>/stop/",
        recipient_person.recipient_stop,
        name="recipient-stop",
    ),
    path(
        "recipients/<uuid:pk>/correct/",
        recipient_person.recipient_correct,
        name="recipient-correct",
    ),
    path(
        "recipients/<uuid:pk>/allow/",
        recipient_person.recipient_allow,
        name="recipient-allow",
    ),
    path(
        "recipients/<uuid:pk>/dossier/",
        recipient_person.recipient_dossier,
        name="recipient-dossier",
    ),
    path(
        "recipients/<uuid:pk>/erase/",
        recipient_person.recipient_erase,
        name="recipient-erase",
    ),
    path(
        "recipients/<uuid:pk>/merge/",
        recipient_person.recipient_merge,
        name="recipient-merge",
    ),
]
