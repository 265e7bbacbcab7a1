"""The form of an export: which file, which columns."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import User, Workspace
from pochtar.recipients.export_columns import ATTRIBUTE, known_columns
from pochtar.recipients.exports import order_export
from pochtar.recipients.models import Export, ExportFormat
from pochtar.recipients.selections import Selection

USUAL = {"email", "full_name", "comment", "lists", "status", "basis"}


class ExportForm(forms.Form):
    """Every column but the times is ticked beforehand."""

    format = forms.ChoiceField(
        choices=ExportFormat.choices,
        label=_("File"),
        widget=forms.RadioSelect,
        help_text=_("What begins like a formula is written so that nothing runs it."),
    )
    columns = forms.MultipleChoiceField(
        label=_("Columns"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one column.")},
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        columns = known_columns(workspace)
        field = self.fields["columns"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = columns
        self.initial.setdefault("format", usual_format())
        self.initial.setdefault(
            "columns",
            [name for name, _title in columns if name in USUAL or ATTRIBUTE in name],
        )

    def order(self, selection: Selection, *, by: User) -> Export:
        return order_export(
            selection,
            format=ExportFormat(self.cleaned_data["format"]),
            columns=self.cleaned_data["columns"],
            by=by,
        )


def usual_format() -> ExportFormat:
    """Return the file that the reader's Excel opens with a double click."""
    russian = (get_language() or "").startswith("ru")
    return ExportFormat.EXCEL_CSV if russian else ExportFormat.CSV
