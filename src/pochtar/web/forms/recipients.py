"""The form of a recipient: its fields, and rows of free attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from pochtar.base.errors import InvalidInput
from pochtar.recipients.cleaning import MOST_ATTRIBUTES
from pochtar.recipients.hygiene import hints_about
from pochtar.recipients.models import Attribute, Basis, Recipient
from pochtar.recipients.services import Person
from pochtar.web.forms.typed_attributes import TypedForm

UNCONFIRMED = "unconfirmed"
LONGEST_WORDING = 2000
SPARE_ROWS = 2
MORE_ROWS = 3


class RecipientForm(forms.Form):
    """Takes the text as it was typed; the services say what is wrong with it."""

    # Not type=email: browsers rewrite a Cyrillic domain and refuse a Cyrillic name.
    email = forms.CharField(
        label=_("E-mail"),
        strip=False,
        error_messages={"required": _("Enter the e-mail address.")},
        widget=forms.TextInput(attrs={"inputmode": "email", "autocomplete": "off"}),
    )
    full_name = forms.CharField(
        label=_("Full name"),
        strip=False,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    basis = forms.ChoiceField(
        label=_("Why may you write to them?"),
        choices=[*Basis.choices, (UNCONFIRMED, _("not yet: unconfirmed"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose why you may write to them.")},
        help_text=_("No mailing reaches who is unconfirmed."),
    )
    wording = forms.CharField(
        label=_("What they agreed to or were told"),
        required=False,
        max_length=LONGEST_WORDING,
        help_text=_("Word for word, with the place and day: it is kept as evidence."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        help_text=_("For you and your colleagues; it is never sent."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def forbid_unconfirming(self) -> None:
        """Offer no way back: what was agreed is withdrawn, not unsaid."""
        field = self.fields["basis"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = Basis.choices


class AttributeForm(forms.Form):
    key = forms.CharField(
        label=_("Attribute"),
        required=False,
        widget=forms.TextInput(
            attrs={
                "list": "attribute-keys",
                "autocomplete": "off",
                "placeholder": _("Attribute"),
                "maxlength": 50,
            }
        ),
    )
    value = forms.CharField(
        label=_("Value"),
        strip=False,
        required=False,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "placeholder": _("Value")}
        ),
    )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("value", "").strip() and not cleaned.get("key"):
            self.add_error("key", _("Name this attribute."))
        return cleaned


AttributeFormSet = forms.formset_factory(
    AttributeForm,
    extra=SPARE_ROWS,
    max_num=MOST_ATTRIBUTES,
    absolute_max=MOST_ATTRIBUTES + MORE_ROWS,
)


class RecipientPage:
    """The forms as one: what was typed, its errors, and the rows asked for.

    ``definitions`` are the attributes that have inputs of their own.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        recipient: Recipient | None = None,
        definitions: Sequence[Attribute] = (),
    ) -> None:
        initial, rows = _initial(recipient)
        values = dict(recipient.attributes) if recipient else {}
        self.typed = TypedForm(data, definitions=definitions, values=values)
        rows = [row for row in rows if row["key"] not in self.typed.keys]
        spare = SPARE_ROWS
        if data is not None and "more" in data:
            # Nothing is judged yet: what was typed comes back with more room.
            initial, rows = _typed(data)
            self.typed.full_clean()
            values |= dict.fromkeys(self.typed.keys, "") | self.typed.attributes()
            self.typed = TypedForm(None, definitions=definitions, values=values)
            data, spare = None, MORE_ROWS
        self.suggestion = ""  # the address that was probably meant
        self.form = RecipientForm(data, initial=initial)
        if recipient and recipient.basis:
            self.form.forbid_unconfirming()
        self.rows = AttributeFormSet(data, initial=rows, prefix="attributes")
        self.rows.extra = spare

    def is_valid(self) -> bool:
        # All, so that every error is shown at once.
        return all([self.form.is_valid(), self.typed.is_valid(), self.rows.is_valid()])

    def doubts(self, known: str = "") -> bool:
        """Ask whether the address is meant, unless that was answered or it is known.

        ``take`` takes the suggestion, ``keep`` the address as typed; both send all.
        """
        typed = self.form.cleaned_data["email"]
        meant = hints_about(typed).suggestion
        if not meant or typed in (known, self.form.data.get("keep")):
            return False
        if self.form.data.get("take") == meant:
            self.form.cleaned_data["email"] = meant
            return False
        self.suggestion = meant
        return True

    def person(self) -> Person:
        basis = self.form.cleaned_data["basis"]
        return Person(
            email=self.form.cleaned_data["email"],
            full_name=self.form.cleaned_data["full_name"],
            comment=self.form.cleaned_data["comment"],
            attributes=self._attributes(),
            basis="" if basis == UNCONFIRMED else basis,
            wording=self.form.cleaned_data["wording"],
        )

    def _attributes(self) -> dict[str, str]:
        """Return the rows; one whose value was emptied goes away."""
        pairs = [
            (row.cleaned_data.get("key", ""), row.cleaned_data.get("value", ""))
            for row in self.rows
        ]
        free = {key: value for key, value in pairs if key and value.strip()}
        return {**free, **self.typed.attributes()}

    def twice(self) -> bool:
        """Mark a name that stands in two rows; say whether there is one."""
        seen: set[str] = set(self.typed.keys)
        found = False
        for row in self.rows:
            key = row.cleaned_data.get("key", "")
            if key and key in seen:
                row.add_error("key", _("This attribute is given twice."))
                found = True
            seen.add(key)
        return found

    def show(self, error: InvalidInput) -> None:
        """Put the services' refusal at the field that it is about."""
        if error.field == "attributes":
            self._show_in_row(error)
            return
        other = error.details.get("recipient")
        text = str(error)
        if isinstance(other, Recipient):
            text = format_html(
                '{} <a href="{}">{}</a>',
                text,
                reverse("recipient", args=[other.pk]),
                _("Open it"),
            )
        self.form.add_error(error.field or None, text)

    def _show_in_row(self, error: InvalidInput) -> None:
        if error.details.get("key") in self.typed.keys:
            self.typed.add_error(str(error.details["key"]), str(error))
            return
        about_value = error.code in {"control_character", "too_long"}
        for row in self.rows:
            if row.cleaned_data.get("key") == error.details.get("key"):
                row.add_error("value" if about_value else "key", str(error))
                return
        self.form.add_error(None, str(error))


def _initial(
    recipient: Recipient | None,
) -> tuple[dict[str, str], list[dict[str, str]]]:
    if recipient is None:
        return {}, []
    names = ("email", "full_name", "comment")
    rows = [
        {"key": key, "value": str(value)} for key, value in recipient.attributes.items()
    ]
    fields = {name: getattr(recipient, name) for name in names}
    return {**fields, "basis": recipient.basis or UNCONFIRMED}, rows


def _typed(data: Mapping[str, Any]) -> tuple[dict[str, str], list[dict[str, str]]]:
    names = ("email", "full_name", "basis", "wording", "comment")
    rows = [
        {name: data.get(f"attributes-{number}-{name}", "") for name in ("key", "value")}
        for number in range(MOST_ATTRIBUTES + MORE_ROWS)
    ]
    filled = [row for row in rows if any(row.values())]
    return {name: data.get(name, "") for name in names}, filled
