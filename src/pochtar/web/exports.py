"""The pages of exports: order one, watch it, fetch the file.

The table's form comes here with GET, as that of bulk actions does.  The password is
asked before an export is ordered (SEC-18), unless it has just been given; what was
chosen is in the address meanwhile.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from allauth.account.internal.flows.reauthentication import (
    is_reauthentication_required,
)
from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from pochtar.accounts.models import Role
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.base.paging import keyset_page
from pochtar.recipients.exports import cancel_export, file_of
from pochtar.recipients.jobs import error_words
from pochtar.recipients.models import Export, ExportFormat
from pochtar.web.access import (
    WorkspaceRequest,
    find_visible,
    role_view,
    workspace_view,
)
from pochtar.web.forms.exports import ExportForm
from pochtar.web.job_words import names_of, selection_words
from pochtar.web.selected import Chosen, read_chosen

ON_A_PAGE = 25
TYPES = {
    ExportFormat.XLSX: (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
@role_view(Role.EDITOR)
def export_add(request: WorkspaceRequest) -> HttpResponse:
    posted = request.method == "POST"
    chosen = read_chosen(request.POST if posted else request.GET, request)
    if chosen.nobody_ticked:
        messages.warning(request, _("Tick at least one recipient first."))
        return redirect(chosen.back)
    form = ExportForm(
        request.POST if posted else None,
        workspace=request.workspace,
        initial=_remembered(request),
    )
    if not posted or not form.is_valid():
        return _ask(request, chosen, form)
    if is_reauthentication_required(request, app="pochtar"):
        return _ask_password(chosen, form)
    try:
        export = form.order(chosen.selection, by=request.user)
    except InvalidInput as error:
        form.add_error(error.field or None, str(error))
    except Conflict as error:
        form.add_error(None, str(error))
    else:
        return redirect("export", export.pk)
    return _ask(request, chosen, form)


def _remembered(request: WorkspaceRequest) -> dict[str, Any]:
    """Return what had been chosen before the password was asked."""
    wanted = {
        "format": request.GET.get("format"),
        "columns": request.GET.getlist("columns"),
    }
    return {name: value for name, value in wanted.items() if value}


def _ask_password(chosen: Chosen, form: ExportForm) -> HttpResponse:
    query = [*chosen.hidden, ("format", form.cleaned_data["format"])]
    query += [("columns", name) for name in form.cleaned_data["columns"]]
    back = f"{reverse('export-add')}?{urlencode(query)}"
    password = reverse("account_reauthenticate")
    return redirect(f"{password}?{urlencode({'next': back})}")


def _ask(request: WorkspaceRequest, chosen: Chosen, form: ExportForm) -> HttpResponse:
    people = chosen.selection.recipients()
    context = {
        "form": form,
        "chosen": chosen,
        "anybody": people.exists(),
        # The few ticked ones at once; of a million it is said when it is known.
        "number": None if chosen.selection.ids is None else people.count(),
        "count_url": f"{reverse('export-count')}?{urlencode(chosen.hidden)}",
        "remembered": bool(request.GET.get("format")),
    }
    status = 422 if form.errors else 200
    return render(request, "recipients/export_add.html", context, status=status)


@require_safe
@workspace_view
def export_count(request: WorkspaceRequest) -> HttpResponse:
    """Say how many are chosen: a fragment that the form loads by itself."""
    chosen = read_chosen(request.GET, request)
    context = {"number": chosen.selection.recipients().count()}
    return render(request, "recipients/export_add.html#count", context)


@require_safe
@workspace_view
def export_list(request: WorkspaceRequest) -> HttpResponse:
    rows = Export.objects.visible_to(request.user).of(request.workspace)
    page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=ON_A_PAGE)
    names = names_of(page.rows)
    exports = [_row(export, names) for export in page.rows]
    return render(
        request, "recipients/exports.html", {"page": page, "exports": exports}
    )


def _row(export: Export, names: dict[str, str]) -> dict[str, Any]:
    return {
        "export": export,
        "whom": selection_words(export.selection, names),
        "is_ready": export.is_ready(timezone.now()),
    }


@require_safe
@workspace_view
def export_page(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    export = find_visible(Export.objects.all(), request, pk)
    return render(request, "recipients/export.html", _context(export))


@require_safe
@workspace_view
def export_live(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Give the moving part; reload the page when the file is there."""
    export = find_visible(Export.objects.all(), request, pk)
    answer = render(request, "recipients/export.html#live", _context(export))
    if not export.is_active:
        answer["HX-Refresh"] = "true"
    return answer


def _context(export: Export) -> dict[str, Any]:
    now = timezone.now()
    return {
        **_row(export, names_of([export])),
        "rate": export.rate(now),
        "seconds_left": export.seconds_left(now),
        "error": error_words(export.error) if export.error else "",
        "titles": [column["title"] for column in export.columns],
    }


@require_safe
@workspace_view
def export_download(request: WorkspaceRequest, pk: UUID) -> HttpResponseBase:
    """Give the file, to whoever ordered it and takes part still."""
    export = find_visible(Export.objects.select_related("workspace"), request, pk)
    if not export.is_ready(timezone.now()):
        messages.warning(request, _("The file is not there (any more)."))
        return redirect("export", export.pk)
    try:
        stream = file_of(export).open("rb")
    except FileNotFoundError:
        messages.error(
            request, _("The file is missing on this server: order the export again.")
        )
        return redirect("export", export.pk)
    day = timezone.localtime(export.created_at).date().isoformat()
    answer = FileResponse(
        stream,
        as_attachment=True,
        filename=f"{_('recipients')}-{day}.{export.extension}",
        content_type=TYPES.get(export.format, "text/csv; charset=utf-8"),
    )
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@workspace_view
def export_cancel(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    export = find_visible(Export.objects.all(), request, pk)
    if not cancel_export(export, by=request.user):
        messages.warning(request, _("It had ended already."))
    return redirect("export", export.pk)


urlpatterns = [
    path("recipients/export/", export_add, name="export-add"),
    path("recipients/export/count/", export_count, name="export-count"),
    path("recipients/exports/", export_list, name="exports"),
    path("recipients/exports/<uuid:pk>/", export_page, name="export"),
    path("recipients/exports/<uuid:pk>/live/", export_live, name="export-live"),
    path(
        "recipients/exports/<uuid:pk>/download/",
        export_download,
        name="export-download",
    ),
    path("recipients/exports/<uuid:pk>/cancel/", export_cancel, name="export-cancel"),
]
