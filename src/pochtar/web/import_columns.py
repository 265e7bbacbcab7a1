"""What the columns of a file become, and what is to be done with its rows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from pochtar.base.errors import Conflict, InvalidInput
from pochtar.recipients.imports import check_import
from pochtar.recipients.lists import create_list
from pochtar.recipients.models import Import, RecipientList
from pochtar.web.access import WorkspaceRequest, find_editable, workspace_view
from pochtar.web.forms.import_columns import (
    BASES,
    HOW_MANY_WAYS,
    ColumnsForm,
)
from pochtar.web.import_reading import first_rows, with_list
from pochtar.web.import_stepper import COLUMNS, is_changeable, stepper_of
from pochtar.web.recipient_table import read_id


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view
def import_columns(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Ask what the columns are; begin the check of the whole file."""
    row = find_editable(Import.objects.select_related("workspace"), request, pk)
    if not is_changeable(row):
        return redirect("import", pk)
    return render_columns(request, row)


def render_columns(request: WorkspaceRequest, row: Import) -> HttpResponse:
    shown = first_rows(row)
    samples = shown["preview"].rows if shown["preview"] else []
    data = request.POST if request.method == "POST" else None
    form = ColumnsForm(data, row=row, samples=samples, to=_list_asked_for(request, row))
    if form.is_valid():
        try:
            _check(request, row, form)
        except InvalidInput as error:
            form.show(error)
        except Conflict as error:
            messages.error(request, str(error))
            return redirect("import", row.pk)
        else:
            return redirect("import", row.pk)
    context: dict[str, Any] = {
        "import": row,
        "form": form,
        "bases": BASES,
        "ways": HOW_MANY_WAYS,
        "stepper": stepper_of(row, here=COLUMNS),
        "action": with_list(request, reverse("import-columns", args=[row.pk])),
        **shown,
    }
    status = 422 if form.errors else 200
    return render(request, "imports/columns.html", context, status=status)


def _list_asked_for(request: WorkspaceRequest, row: Import) -> RecipientList | None:
    """Return the list from whose page the import was begun."""
    wanted = read_id(request.GET.get("list", ""))
    return RecipientList.objects.of(row.workspace).filter(pk=wanted).first()


@transaction.atomic
def _check(request: WorkspaceRequest, row: Import, form: ColumnsForm) -> None:
    """A new list is made only together with a check that begins."""
    data = form.cleaned_data
    lists = list(data["lists"])
    if data["new_list"]:
        lists.append(_new_list(request, row, data["new_list"]))
    check_import(
        row,
        by=request.user,
        columns=form.columns(),
        lists=lists,
        update_existing=data["way"] == "update",
        basis=form.basis_chosen(),
        wording=data["wording"],
    )


def _new_list(request: WorkspaceRequest, row: Import, name: str) -> RecipientList:
    try:
        return create_list(row.workspace, by=request.user, name=name)
    except InvalidInput as error:
        raise InvalidInput(error.code, error.text, field="new_list") from error
