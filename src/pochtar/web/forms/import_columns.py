"""What each column of a file becomes, and what is done with its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pochtar.base.errors import InvalidInput
from pochtar.recipients.models import (
    Attribute,
    Basis,
    Import,
    ImportStep,
    RecipientList,
)

NEW, SKIP, ATTRIBUTE = "new", "skip", "attribute"
NONE = "none"  # of the grounds
PREFIX = "attribute:"
SAMPLES = 3

FIELDS: tuple[tuple[str, str | Promise], ...] = (
    ("email", _("E-mail")),
    ("full_name", _("Full name")),
    ("first_name", _("First name")),
    ("last_name", _("Last name")),
    ("comment", _("Comment")),
)
BASES: tuple[tuple[str, str | Promise, str | Promise], ...] = (
    (
        Basis.CONSENT,
        _("They agreed to get mailings"),
        _("By a tick on your site, a form at the counter, in writing."),
    ),
    (
        Basis.CUSTOMER,
        _("They are customers and were told that they may object"),
        _(
            "They bought from you, left the address themselves, and may refuse any time."
        ),
    ),
    (
        Basis.CONTRACT,
        _("A contract needs it"),
        _("Only letters about what was agreed: orders, changes, payments."),
    ),
    (
        NONE,
        _("None yet: they have not been asked"),
        _(
            "They land as unconfirmed and get no mailing until you state a basis for "
            "them."
        ),
    ),
)
HOW_MANY_WAYS = (
    (
        "update",
        _("Update those who are here already"),
        _("Filled cells replace what is known; empty cells change nothing."),
    ),
    (
        "add",
        _("Only add new ones"),
        _("Who is here already stays as they are, and is put into the lists."),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRow:
    """A column as the page shows it."""

    title: str
    samples: list[str]
    to: BoundField
    key: BoundField


class ColumnsForm(forms.Form):
    """``columns``, ``way`` and the rest are what the services take."""

    lists = forms.ModelMultipleChoiceField(
        label=_("Put them into lists"),
        queryset=RecipientList.objects.none(),
        required=False,
        widget=forms.SelectMultiple(
            attrs={"data-tomselect": "", "data-placeholder": _("Choose lists…")}
        ),
    )
    new_list = forms.CharField(
        label=_("And into a new list"),
        required=False,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "placeholder": _("Its name")}
        ),
    )
    way = forms.ChoiceField(choices=[row[:2] for row in HOW_MANY_WAYS])
    basis = forms.ChoiceField(
        choices=[row[:2] for row in BASES],
        error_messages={"required": _("Choose one: it decides who may be written to.")},
    )
    wording = forms.CharField(
        label=_("How they agreed, or where the file is from"),
        required=False,
        help_text=_(
            "Word for word if you can. It is kept with everybody's consent as a proof."
        ),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(
        self,
        data: Any = None,
        *,
        row: Import,
        samples: Sequence[Sequence[str]],
        to: RecipientList | None = None,
    ) -> None:
        self.row = row
        self.to = to
        self.keys = list(
            Attribute.objects.of(row.workspace)
            .order_by("key")
            .values_list("key", flat=True)
        )
        super().__init__(data, initial=self._initial())
        lists = self.fields["lists"]
        assert isinstance(lists, forms.ModelMultipleChoiceField)
        lists.queryset = RecipientList.objects.of(row.workspace).order_by("name")
        for number, column in enumerate(row.columns):
            self._add_column(number, column)
        self.samples = samples

    def _initial(self) -> dict[str, Any]:
        was_asked = self.row.step != ImportStep.UPLOADED
        chosen = list(self.row.lists.values_list("pk", flat=True))
        return {
            "lists": chosen or ([self.to.pk] if self.to else []),
            "way": "update" if self.row.update_existing else "add",
            # Nobody chooses this one by not looking.
            "basis": self.row.basis or (NONE if was_asked else ""),
            "wording": self.row.wording,
        }

    def _add_column(self, number: int, column: dict[str, Any]) -> None:
        known = column.get("key") in self.keys
        to = column.get("to") or SKIP
        if to == ATTRIBUTE:
            to = f"{PREFIX}{column['key']}" if known else NEW
        title = column.get("title") or gettext("Column %(number)d") % {
            "number": number + 1
        }
        self.fields[f"to-{number}"] = forms.ChoiceField(
            label=title, choices=self._choices(), initial=to
        )
        self.fields[f"key-{number}"] = forms.CharField(
            label=_("Name of the new attribute"),
            required=False,
            initial=column.get("key", ""),
            widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": 50}),
        )

    def _choices(self) -> list[tuple[Any, Any]]:
        known = [(f"{PREFIX}{key}", key) for key in self.keys]
        return [
            (SKIP, _("Do not import")),
            (_("Fields"), list(FIELDS)),
            *([(_("Attributes"), known)] if known else []),
            (NEW, _("New attribute…")),
        ]

    def rows(self) -> list[ColumnRow]:
        return [
            ColumnRow(
                title=str(self.fields[f"to-{number}"].label),
                samples=self._samples(number),
                to=self[f"to-{number}"],
                key=self[f"key-{number}"],
            )
            for number in range(len(self.row.columns))
        ]

    def _samples(self, number: int) -> list[str]:
        """Return the first different values of the column."""
        values = (row[number].strip() for row in self.samples if number < len(row))
        return list(dict.fromkeys(filter(None, values)))[:SAMPLES]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for number in range(len(self.row.columns)):
            is_new = cleaned.get(f"to-{number}") == NEW
            if is_new and not cleaned.get(f"key-{number}"):
                self.add_error(f"key-{number}", gettext("Name this attribute."))
        return cleaned

    def columns(self) -> list[dict[str, str]]:
        """Return the columns as the services take them."""
        return [
            {"title": column.get("title", ""), **self._target(number)}
            for number, column in enumerate(self.row.columns)
        ]

    def _target(self, number: int) -> dict[str, str]:
        to: str = self.cleaned_data[f"to-{number}"]
        if to == NEW:
            return {"to": ATTRIBUTE, "key": self.cleaned_data[f"key-{number}"]}
        if to.startswith(PREFIX):
            return {"to": ATTRIBUTE, "key": to.removeprefix(PREFIX)}
        return {"to": to, "key": ""}

    def basis_chosen(self) -> str:
        chosen: str = self.cleaned_data["basis"]
        return "" if chosen == NONE else chosen

    def show(self, error: InvalidInput) -> None:
        """Put the services' refusal where it belongs: at a column, or at a field."""
        number = error.details.get("column")
        if isinstance(number, int) and number < len(self.row.columns):
            about_key = self.cleaned_data.get(f"to-{number}") == NEW
            self.add_error(f"{'key' if about_key else 'to'}-{number}", str(error))
        else:
            self.add_error(
                error.field if error.field in self.fields else None, str(error)
            )
