"""The pages of imports: the list, the first step, and the page of one.

An import has one address, which shows what is due: how the file was understood, what
its columns are, what will happen, how far it has come, what came of it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from mailcore.sheets import LIMITS
from pochtar.accounts.models import Role
from pochtar.base.errors import InvalidInput, PochtarError
from pochtar.base.paging import keyset_page
from pochtar.recipients.imports import start_import, start_paste
from pochtar.recipients.models import Import, ImportStep, RecipientList, WorkState
from pochtar.web import import_steps
from pochtar.web.access import (
    WorkspaceRequest,
    find_visible,
    role_view,
    workspace_view,
)
from pochtar.web.forms.imports import UploadForm
from pochtar.web.import_columns import import_columns, render_columns
from pochtar.web.import_reading import import_table, render_reading
from pochtar.web.import_report import examples_context, report_context
from pochtar.web.import_stepper import FIRST, is_changeable, stepper_of
from pochtar.web.import_steps import known_imports
from pochtar.web.recipient_table import read_id, wants_fragment
from pochtar.web.uploads import was_too_big

SIZE = 30


@require_safe
@workspace_view
def imports(request: WorkspaceRequest) -> HttpResponse:
    rows = Import.objects.of(request.workspace).select_related("created_by")
    page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=SIZE)
    context = {"page": page, "busy": any(row.is_active for row in page.rows)}
    template = "imports/index.html" + ("#rows" if wants_fragment(request) else "")
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@role_view(Role.EDITOR)
def import_add(request: WorkspaceRequest) -> HttpResponse:
    form = _upload_form(request)
    if request.method == "POST" and form.is_valid():
        try:
            row = _start(request, form)
        except InvalidInput as error:
            form.add_error(
                error.field if error.field in form.fields else None, str(error)
            )
        except PochtarError as error:
            form.add_error(None, str(error))
        else:
            url = reverse("import", args=[row.pk])
            to = form.cleaned_data["to"]
            return _go(request, f"{url}?list={to.pk}" if to else url)
    return _render_upload(request, form)


def _upload_form(request: WorkspaceRequest) -> UploadForm:
    if request.method == "POST":
        return UploadForm(
            request.POST,
            request.FILES,
            workspace=request.workspace,
            too_big=was_too_big(request),
        )
    list_id = read_id(request.GET.get("list", ""))
    return UploadForm(initial={"to": list_id}, workspace=request.workspace)


def _start(request: WorkspaceRequest, form: UploadForm) -> Import:
    """Take in the file, or the pasted rows when there is none."""
    if file := form.cleaned_data["file"]:
        return start_import(
            request.workspace,
            by=request.user,
            stream=file.file,
            file_name=file.name,
            size=file.size,
        )
    text = form.cleaned_data["text"]
    return start_paste(request.workspace, by=request.user, text=text)


def _go(request: WorkspaceRequest, url: str) -> HttpResponse:
    """Send the browser on; a script that sent the form is told to do so."""
    if not request.htmx:
        return redirect(url)
    response = HttpResponse(status=200)
    response["HX-Redirect"] = url
    return response


def _render_upload(request: WorkspaceRequest, form: UploadForm) -> HttpResponse:
    chosen = read_id(str(form["to"].value() or ""))
    to = RecipientList.objects.of(request.workspace).filter(pk=chosen).first()
    context = {
        "form": form,
        "to": to,
        "limit": LIMITS.file_bytes,
        "stepper": FIRST,
    }
    template = "imports/new.html" + ("#form" if wants_fragment(request) else "")
    status = 422 if form.errors else 200
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
@workspace_view
def import_page(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Show what is due: a question to whoever may answer it, else how it stands."""
    row = find_visible(known_imports(), request, pk)
    context: dict[str, Any] = {"import": row, "stepper": stepper_of(row)}
    if row.is_active:
        return render(request, "imports/busy.html", context | progress_of(row))
    if is_changeable(row) and row.step != ImportStep.CHECKED:
        return _question(request, row) or render(
            request, "imports/waiting.html", context
        )
    return render(request, "imports/report.html", context | report_context(row))


def _question(request: WorkspaceRequest, row: Import) -> HttpResponse | None:
    """Ask what is due, if the reader may answer."""
    if not Import.objects.editable_by(request.user).filter(pk=row.pk).exists():
        return None
    if row.step == ImportStep.UPLOADED:
        return render_reading(request, row)
    if row.state == WorkState.FAILED:
        messages.error(request, gettext("The check was stopped by an error."))
    return render_columns(request, row)


@require_safe
@workspace_view
def import_live(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Give the moving part of the page; reload the page when the step has changed.

    ``was`` is the step that the page shows.
    """
    row = find_visible(known_imports(), request, pk)
    context = {"import": row, **progress_of(row)}
    response = render(request, "imports/busy.html#live", context)
    if not row.is_active or row.step != request.GET.get("was", ""):
        response["HX-Refresh"] = "true"
    return response


@require_safe
@workspace_view
def import_examples(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Give examples of one kind of row: a fragment for whoever unfolds it."""
    row = find_visible(known_imports(), request, pk)
    context = examples_context(row, request.GET.get("kind", "new"))
    if context is None:
        raise Http404
    return render(request, "imports/_examples.html", context)


def progress_of(row: Import) -> dict[str, Any]:
    now = timezone.now()
    return {"rate": row.rate(now), "left": row.seconds_left(now)}


urlpatterns = [
    path("recipients/imports/", imports, name="imports"),
    path("recipients/imports/new/", import_add, name="import-add"),
    path("recipients/imports/<uuid:pk>/", import_page, name="import"),
    path("recipients/imports/<uuid:pk>/live/", import_live, name="import-live"),
    path(
        "recipients/imports/<uuid:pk>/examples/",
        import_examples,
        name="import-examples",
    ),
    path("recipients/imports/<uuid:pk>/table/", import_table, name="import-table"),
    path(
        "recipients/imports/<uuid:pk>/columns/", import_columns, name="import-columns"
    ),
    path(
        "recipients/imports/<uuid:pk>/apply/",
        import_steps.import_apply,
        name="import-apply",
    ),
    path(
        "recipients/imports/<uuid:pk>/cancel/",
        import_steps.import_cancel,
        name="import-cancel",
    ),
    path(
        "recipients/imports/<uuid:pk>/undo/",
        import_steps.import_undo,
        name="import-undo",
    ),
    path(
        "recipients/imports/<uuid:pk>/delete/",
        import_steps.import_delete,
        name="import-delete",
    ),
    path(
        "recipients/imports/<uuid:pk>/refused/",
        import_steps.import_refused,
        name="import-refused",
    ),
]
