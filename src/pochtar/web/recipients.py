"""The pages of recipients: the table, one recipient, and what pickers ask."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from pochtar.base.paging import keyset_page
from pochtar.delivery.models import Attempt
from pochtar.delivery.reasons import reason_words
from pochtar.delivery.reply_words import Explained, explain_attempt
from pochtar.recipients.models import Recipient, RecipientList
from pochtar.recipients.search import Search, find_page
from pochtar.web import recipient_bulk, recipient_forms
from pochtar.web.access import WorkspaceRequest, find_visible, workspace_view
from pochtar.web.recipient_table import found_recipients, wants_fragment

PICKED = 20
HISTORY = 20


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


@require_safe
@workspace_view
def recipient(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = find_visible(Recipient.objects.select_related("workspace"), request, pk)
    attempts = (
        Attempt.objects.visible_to(request.user)
        .filter(delivery__recipient=row)
        .select_related("run__mailing", "delivery")
    )
    page = keyset_page(attempts, cursor=request.GET.get("cursor", ""), size=HISTORY)
    context = {
        "recipient": row,
        "lists": row.lists.order_by("name"),
        "page": page,
        "history": [
            (attempt, reason_words(attempt.reason), _meaning(attempt))
            for attempt in page.rows
        ],
    }
    return render(request, "recipients/recipient.html", context)


def _meaning(attempt: Attempt) -> Explained | None:
    return None if attempt.succeeded else explain_attempt(attempt)


urlpatterns = [
    path("recipients/", recipients, name="recipients"),
    path("recipients/search/", recipients_search, name="recipients-search"),
    path("recipients/add/", recipient_forms.recipient_add, name="recipient-add"),
    path("recipients/bulk/", recipient_bulk.recipients_bulk, name="recipients-bulk"),
    path("recipients/<uuid:pk>/", recipient, name="recipient"),
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
]
