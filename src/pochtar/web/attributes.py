"""The pages of attributes: what is known about recipients besides name and address."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from pochtar.accounts.models import Role
from pochtar.base.errors import InvalidInput
from pochtar.recipients.attributes import (
    change_attribute,
    create_attribute,
    delete_attribute,
    how_fits,
)
from pochtar.recipients.models import Attribute
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    role_view,
    workspace_view,
)
from pochtar.web.forms.attributes import AttributeForm

form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@workspace_view
def attributes(request: WorkspaceRequest) -> HttpResponse:
    rows = Attribute.objects.of(request.workspace).order_by("position", "key")
    return render(request, "attributes/index.html", {"rows": rows})


@form_view
@role_view(Role.EDITOR)
def attribute_add(request: WorkspaceRequest) -> HttpResponse:
    form = AttributeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            create_attribute(
                request.workspace,
                form.definition(),
                by=request.user,
                key=form.cleaned_data["key"],
            )
        except InvalidInput as error:
            form.add_error(error.field or None, str(error))
        else:
            messages.success(request, _("The attribute has been added."))
            return redirect("attributes")
    return _form(request, form, {})


@form_view
@workspace_view
def attribute_edit(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Change the definition; another type is first held against what is there."""
    row = _find(request, pk)
    form = AttributeForm(
        request.POST if request.method == "POST" else None, attribute=row
    )
    context: dict[str, Any] = {"attribute": row, "attribute_title": str(row)}
    if request.method == "POST" and form.is_valid():
        definition = form.definition()
        seen = request.POST.get("sure", row.type)  # the type that a warning was for
        if definition.type not in {row.type, seen}:
            fit = how_fits(row, definition)
            if fit.wrong or fit.readable:
                return _form(request, form, {**context, "fit": fit})
        try:
            change_attribute(row, definition, by=request.user)
        except InvalidInput as error:
            form.add_error(error.field or None, str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect("attributes")
    return _form(request, form, context)


@form_view
@workspace_view
def attribute_delete(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    row = _find(request, pk)
    if request.method == "POST":
        delete_attribute(row, by=request.user)
        messages.success(request, _("The attribute has been deleted."))
        return redirect("attributes")
    return render(request, "attributes/delete.html", {"attribute": row})


def _find(request: WorkspaceRequest, pk: UUID) -> Attribute:
    row: Attribute = find_editable(
        Attribute.objects.select_related("workspace"), request, pk
    )
    return row


def _form(
    request: WorkspaceRequest, form: AttributeForm, context: dict[str, Any]
) -> HttpResponse:
    context["form"] = form
    status = 422 if form.errors else 200
    return render(request, "attributes/edit.html", context, status=status)


urlpatterns = [
    path("recipients/attributes/", attributes, name="attributes"),
    path("recipients/attributes/add/", attribute_add, name="attribute-add"),
    path("recipients/attributes/<uuid:pk>/", attribute_edit, name="attribute-edit"),
    path(
        "recipients/attributes/<uuid:pk>/delete/",
        attribute_delete,
        name="attribute-delete",
    ),
]
