"""Go on with an import, stop it, take it back; and its refused rows as a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from pochtar.base.errors import Conflict, PochtarError
from pochtar.recipients.imports import (
    apply_import,
    can_undo,
    cancel_import,
    delete_import,
    refused_file,
    refused_file_name,
    undo_import,
)
from pochtar.recipients.models import Import, ImportStep
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    find_visible,
    workspace_view,
)

confirm_view = require_http_methods(["GET", "HEAD", "POST"])


@require_POST
@workspace_view
def import_apply(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    return _do(request, find(request, pk), apply_import)


@confirm_view
@workspace_view
def import_cancel(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = find(request, pk)
    if request.method == "POST":
        return _do(request, row, cancel_import)
    return _ask(request, "cancel", row, applying=row.step == ImportStep.APPLYING)


@confirm_view
@workspace_view
def import_undo(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = find(request, pk)
    if request.method == "POST":
        return _do(request, row, undo_import)
    return _ask(request, "undo", row, may_undo=can_undo(row))


@confirm_view
@workspace_view
def import_delete(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = find(request, pk)
    if request.method != "POST":
        return _ask(request, "delete", row)
    try:
        delete_import(row, by=request.user)
    except Conflict as error:
        messages.error(request, str(error))
        return redirect("import", pk)
    messages.success(request, _("The file has been deleted."))
    return redirect("imports")


@require_safe
@workspace_view
def import_refused(request: WorkspaceRequest, pk: UUID) -> HttpResponseBase:
    """Answer with the refused rows, each with its reason, ready to be mended."""
    row = find_visible(known_imports(), request, pk)
    try:
        chunks = refused_file(row)
        name = refused_file_name(row)
    except PochtarError as error:
        messages.error(request, str(error))
        return redirect("import", pk)
    # Its bytes are in the encoding that came, which a browser need not know.
    answer = StreamingHttpResponse(chunks, content_type="application/octet-stream")
    answer["Content-Disposition"] = (
        f"attachment; filename=\"refused.csv\"; filename*=UTF-8''{quote(name)}"
    )
    answer["Cache-Control"] = "no-store"
    return answer


def known_imports() -> Any:
    return Import.objects.select_related("workspace", "created_by")


def find(request: WorkspaceRequest, pk: UUID) -> Import:
    row: Import = find_editable(known_imports(), request, pk)
    return row


def _do(
    request: WorkspaceRequest, row: Import, verb: Callable[..., Import]
) -> HttpResponse:
    """Do it and show what is due then; what has been overtaken is said there."""
    try:
        verb(row, by=request.user)
    except PochtarError as error:
        messages.error(request, str(error))
    return redirect("import", row.pk)


def _ask(
    request: WorkspaceRequest, name: str, row: Import, **more: Any
) -> HttpResponse:
    return render(request, f"imports/{name}.html", {"import": row, **more})
