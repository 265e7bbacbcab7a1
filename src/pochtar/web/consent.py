"""The consent ledger: all of it, and what it says of one address (LAW-01)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from pochtar.base.addresshash import hash_address
from pochtar.base.errors import InvalidInput
from pochtar.base.paging import keyset_page
from pochtar.recipients.cleaning import clean_address
from pochtar.recipients.consent_proof import (
    Proof,
    entries_of,
    names_of,
    proof_json,
    proof_of,
)
from pochtar.recipients.models import ConsentEntry, Recipient
from pochtar.web.access import WorkspaceRequest, workspace_view

LONGEST_QUERY = 400
ADDRESS = "email"


@require_safe
@workspace_view
def consent(request: WorkspaceRequest) -> HttpResponse:
    """Show the ledger, newest first, or the lines about one address."""
    query, rows, error = _asked(request), ConsentEntry.objects.of(request.workspace), ""
    if query:
        try:
            address = clean_address(query)
            rows = entries_of(request.workspace, hash_address(address.key))
        except InvalidInput as refused:
            rows, error = rows.none(), str(refused)
    page = keyset_page(rows, order="-sequence", cursor=request.GET.get("cursor", ""))
    context = {
        "page": page,
        "lines": _with_names(request, page.rows),
        "query": query,
        "error": error,
    }
    return render(request, "consent/index.html", context)


@require_safe
@workspace_view
def consent_proof(request: WorkspaceRequest) -> HttpResponse:
    """Show, or give as a file, the proof sheet of an address."""
    query, error = _asked(request), ""
    proof: Proof | None = None
    if query:
        try:
            proof = proof_of(request.workspace, query)
        except InvalidInput as refused:
            error = str(refused)
    if proof and request.GET.get("format") == "json":
        return _file(proof)
    recipient = (
        proof
        and Recipient.objects.of(request.workspace)
        .filter(
            address_hash=proof.address_hash, email_key=clean_address(proof.email).key
        )
        .first()
    )
    context = {"proof": proof, "query": query, "error": error, "recipient": recipient}
    return render(request, "consent/proof.html", context)


def _asked(request: WorkspaceRequest) -> str:
    return request.GET.get(ADDRESS, "").replace("\x00", "").strip()[:LONGEST_QUERY]


def _file(proof: Proof) -> HttpResponse:
    answer = HttpResponse(proof_json(proof), content_type="application/json")
    name = f"consent-{proof.address_hash.hex[:8]}.json"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


def _with_names(
    request: WorkspaceRequest, entries: list[ConsentEntry]
) -> list[tuple[ConsentEntry, str, Any]]:
    """Return each line with who recorded it, and its recipient if still there."""
    names = names_of(entries)
    ids = {entry.recipient_id for entry in entries}
    people = Recipient.objects.of(request.workspace).in_bulk(list(ids - {None}))
    return [
        (entry, names.get(entry.recorded_by, ""), people.get(entry.recipient_id))
        for entry in entries
    ]


urlpatterns = [
    path("consent/", consent, name="consent"),
    path("recipients/consent/", consent_proof, name="consent-proof"),
]
