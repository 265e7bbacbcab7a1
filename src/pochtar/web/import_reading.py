"""How a file was understood, shown on its first rows and changeable."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from mailcore.sheets import Preview
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.recipients.imports import preview_import, reread_import
from pochtar.recipients.models import Import
from pochtar.web.access import WorkspaceRequest, find_editable, workspace_view
from pochtar.web.forms.imports import ReadingForm
from pochtar.web.import_stepper import TABLE, is_changeable, stepper_of
from pochtar.web.recipient_table import wants_fragment


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view
def import_table(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Show how the file is read; read it in another way, or go on to the columns."""
    row = find_editable(Import.objects.select_related("workspace"), request, pk)
    if not is_changeable(row):
        return redirect("import", pk)
    if request.method != "POST":
        return render_reading(request, row)
    form = ReadingForm(request.POST, understood=row.understood)
    if form.is_valid():
        try:
            row = _read_again(request, row, form)
        except InvalidInput as error:
            form.add_error(
                error.field if error.field in form.fields else None, str(error)
            )
        except Conflict as error:
            messages.error(request, str(error))
            return redirect("import", pk)
        else:
            return _answer(request, row)
    return render_reading(request, row, form=form)


def _read_again(request: WorkspaceRequest, row: Import, form: ReadingForm) -> Import:
    """Nothing is asked of the services when nothing has changed."""
    changes = form.changes()
    return reread_import(row, by=request.user, **changes) if changes else row


def _answer(request: WorkspaceRequest, row: Import) -> HttpResponse:
    if "again" not in request.POST and not request.htmx:
        return redirect(with_list(request, reverse("import-columns", args=[row.pk])))
    if request.htmx:
        return render_reading(request, row)
    return redirect(with_list(request, reverse("import-table", args=[row.pk])))


def with_list(request: WorkspaceRequest, url: str) -> str:
    """Keep the list that the import was begun for in the address, from page to page."""
    query = request.GET.urlencode()
    return f"{url}?{query}" if query else url


def render_reading(
    request: WorkspaceRequest, row: Import, *, form: ReadingForm | None = None
) -> HttpResponse:
    context: dict[str, Any] = {
        "import": row,
        "form": form or ReadingForm(understood=row.understood),
        "stepper": stepper_of(row, here=TABLE),
        "action": with_list(request, reverse("import-table", args=[row.pk])),
        "next": with_list(request, reverse("import-columns", args=[row.pk])),
    }
    context |= first_rows(row)
    status = 422 if form and form.errors else 200
    template = "imports/table.html" + ("#reading" if wants_fragment(request) else "")
    return render(request, template, context, status=status)


def first_rows(row: Import) -> dict[str, Any]:
    """Return the preview, or what is wrong with the file by now."""
    try:
        shown = preview_import(row)
    except InvalidInput as error:
        return {"trouble": str(error), "preview": None}
    assert isinstance(shown, Preview)
    return {"preview": shown}
