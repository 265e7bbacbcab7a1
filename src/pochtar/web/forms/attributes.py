"""The form of an attribute's definition."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from pochtar.recipients.attributes import Definition
from pochtar.recipients.models import Attribute, AttributeType


class AttributeForm(forms.Form):
    name = forms.CharField(
        label=_("Attribute name"),
        required=False,  # the services say so
        help_text=_("What the pages call it, for example: City."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    key = forms.CharField(
        label=_("Key"),
        required=False,
        help_text=_(
            "What stands in a message between {{ and }}. Letters, digits and “_”; it "
            "cannot be changed later."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": 50}),
    )
    type = forms.ChoiceField(label=_("Type of the value"), choices=AttributeType)
    options = forms.CharField(
        label=_("Options"),
        required=False,
        help_text=_("For the two types with options: one on each line, no commas."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    position = forms.IntegerField(
        label=_("Place in the order"), min_value=0, max_value=999, required=False
    )

    def __init__(self, data: Any = None, *, attribute: Attribute | None = None) -> None:
        initial: dict[str, Any] = {"type": AttributeType.TEXT, "position": 0}
        if attribute:
            initial = {
                "name": str(attribute),
                "type": attribute.type,
                "options": "\n".join(attribute.options),
                "position": attribute.position,
            }
        super().__init__(data, initial=initial)
        if attribute:
            del self.fields["key"]

    def definition(self) -> Definition:
        return Definition(
            name=self.cleaned_data["name"],
            type=self.cleaned_data["type"],
            options=self.cleaned_data["options"].splitlines(),
            position=self.cleaned_data["position"] or 0,
        )
