"""The consent ledger: all of it, and what it says of one address (LAW-01)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from pochtar.accounts.models import Workspace
from pochtar.base.addresshash import hash_address
from pochtar.base.errors import InvalidInput
from pochtar.base.paging import keyset_page
from pochtar.recipients.cleaning import clean_address
from pochtar.recipients.consent_proof import (
    Line,
    Proof,
    entries_of,
    names_of,
    proof_json,
    proof_of,
)
from pochtar.recipients.models import (
    ConsentEntry,
    ConsentSource,
    Import,
    Recipient,
    UnsubscribedVia,
)
from pochtar.web.access import WorkspaceRequest, workspace_view
from pochtar.web.templatetags.imports import import_name

LONGEST_QUERY = 400
ADDRESS = "email"
_REFERENCES = {
    "run": gettext_lazy("run %(which)s"),
    "delivery": gettext_lazy("letter %(which)s"),
}
_IS_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VIA = dict(UnsubscribedVia.choices)


@require_safe
@workspace_view
def consent(request: WorkspaceRequest) -> HttpResponse:
    """Show the ledger, newest first, or the lines about one address."""
    query, error = _asked(request), ""
    rows: QuerySet[ConsentEntry] = ConsentEntry.objects.of(request.workspace)
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
    context = {
        "proof": proof,
        "lines": _with_words(proof) if proof else [],
        "query": query,
        "error": error,
        "recipient": recipient,
    }
    return render(request, "consent/proof.html", context)


def _asked(request: WorkspaceRequest) -> str:
    return request.GET.get(ADDRESS, "").replace("\x00", "").strip()[:LONGEST_QUERY]


def _file(proof: Proof) -> HttpResponse:
    answer = HttpResponse(proof_json(proof), content_type="application/json")
    name = f"consent-{proof.address_hash.hex[:8]}.json"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


def reference_words(entry: ConsentEntry) -> str:
    """Say in words where a line came from; what has none is shown as it is."""
    return ", ".join(_part_words(part) for part in entry.reference.split(", ") if part)


def _part_words(part: str) -> str:
    kind, _space, which = part.partition(" ")
    if kind == "stoplist":
        return _("stop list")
    if which and kind in _REFERENCES:
        return _REFERENCES[kind] % {"which": which[:8]}
    return str(_VIA.get(part, part))


def _import_names(
    workspace: Workspace, entries: Iterable[ConsentEntry]
) -> dict[str, str]:
    """Return what the imports are called, by the references of lines to them."""
    said = [line.reference for line in entries if line.source == ConsentSource.IMPORT]
    rows = Import.objects.of(workspace).filter(pk__in=filter(_IS_ID.fullmatch, said))
    return {str(row.pk): import_name(row) for row in rows}


def _with_words(proof: Proof) -> list[tuple[Line, str, str]]:
    """Return each line with its source and its language in words."""
    languages = {code: str(name) for code, name in settings.LANGUAGES}
    files = _import_names(proof.workspace, [line.entry for line in proof.lines])
    return [
        (
            line,
            files.get(line.entry.reference) or reference_words(line.entry),
            languages.get(line.entry.language, line.entry.language),
        )
        for line in proof.lines
    ]


def _with_names(
    request: WorkspaceRequest, entries: list[ConsentEntry]
) -> list[tuple[ConsentEntry, str, Any, str]]:
    """Return each line: who recorded it, its recipient if still there, its source."""
    names = names_of(entries)
    files = _import_names(request.workspace, entries)
    ids = {entry.recipient_id for entry in entries}
    people = Recipient.objects.of(request.workspace).in_bulk(list(ids - {None}))
    return [
        (
            entry,
            names.get(entry.recorded_by, ""),
            people.get(entry.recipient_id),
            files.get(entry.reference) or reference_words(entry),
        )
        for entry in entries
    ]


urlpatterns = [
    path("consent/", consent, name="consent"),
    path("recipients/consent/", consent_proof, name="consent-proof"),
]
