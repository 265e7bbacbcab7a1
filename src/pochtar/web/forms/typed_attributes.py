"""The inputs of defined attributes in a recipient's form, one for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from mailcore.segment_fields import NO, SEPARATOR, YES
from pochtar.recipients.attribute_values import fits
from pochtar.recipients.attributes import HINTS
from pochtar.recipients.models import Attribute, AttributeType

NOTHING = ("", "—")


class TypedForm(forms.Form):
    """Takes texts; the services say what is wrong with them.

    A value from before the type stays in its input, with a hint, until it is changed.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        definitions: Sequence[Attribute],
        values: Mapping[str, Any],
    ) -> None:
        super().__init__(data, prefix="typed")
        self.keys = [row.key for row in definitions]
        for row in definitions:
            self.fields[row.key] = _field(row, str(values.get(row.key, "")))

    def attributes(self) -> dict[str, str]:
        """Return what was filled in."""
        found = {}
        for key in self.keys:
            value = self.cleaned_data.get(key, "")
            text = SEPARATOR.join(value) if isinstance(value, list) else value
            if text.strip():
                found[key] = text
        return found


class _Several(forms.Field):
    """Any texts: whether they are options is the services' question."""

    widget = forms.SelectMultiple

    def to_python(self, value: Any) -> list[str]:
        return [str(one) for one in value or []]


def _field(row: Attribute, value: str) -> forms.Field:
    right = not value or fits(row.type, value, row.options)
    common: dict[str, Any] = {
        "label": str(row),
        "required": False,
        "help_text": "" if right else HINTS[AttributeType(row.type)],
    }
    match row.type:
        case AttributeType.CHOICES:
            parts = value.split(SEPARATOR) if value else []
            options = [(one, one) for one in dict.fromkeys([*row.options, *parts])]
            several = forms.SelectMultiple({"data-tomselect": True}, choices=options)
            return _Several(**common, initial=parts, widget=several)
        case AttributeType.YES_NO:
            options = [(YES, pgettext_lazy("answer", "yes")), (NO, _("no"))]
            return _select(common, options, value, right)
        case AttributeType.CHOICE:
            options = [(one, one) for one in row.options]
            return _select(common, options, value, right)
    attrs = {"autocomplete": "off"}
    if row.type == AttributeType.DATE and right:
        attrs["type"] = "date"
    if row.type == AttributeType.NUMBER:
        attrs["inputmode"] = "decimal"
    widget = forms.TextInput(attrs)
    return forms.CharField(**common, initial=value, strip=False, widget=widget)


def _select(
    common: dict[str, Any], options: list[Any], value: str, right: bool
) -> forms.Field:
    old = [] if right else [(value, value)]
    widget = forms.Select(choices=[NOTHING, *options, *old])
    return forms.CharField(**common, initial=value, strip=False, widget=widget)
