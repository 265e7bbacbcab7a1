"""Why did this person get the mailing's letter, or not?"""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from pochtar.mailings.models import Mailing
from pochtar.reports.explanation import explain_delivery
from pochtar.web.access import WorkspaceRequest, find_visible, workspace_view
from pochtar.web.recipient_table import wants_fragment

LONGEST = 320


@require_safe
@workspace_view
def mailing_why(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Answer for one address; the box on the mailing's page asks for the answer alone."""
    rows = Mailing.objects.select_related("workspace", "run__relay", "follows__run")
    mailing: Mailing = find_visible(rows, request, pk)
    address = request.GET.get("address", "").strip()[:LONGEST]
    context = {
        "mailing": mailing,
        "address": address,
        "explanation": explain_delivery(mailing, address) if address else None,
    }
    page = "mailings/why.html"
    if wants_fragment(request):
        page += "#answer"
    response = render(request, page, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


urlpatterns = [path("mailings/<uuid:pk>/why/", mailing_why, name="mailing-why")]
