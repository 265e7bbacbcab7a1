"""The form of a message, and the filter of the list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from pochtar.content.checks import Draft, clean_draft, find_problems
from pochtar.content.models import Message, MessageQuerySet

SORTS = {
    "-changed": "-updated_at",
    "changed": "updated_at",
    "subject": "subject",
    "-subject": "-subject",
}
DEFAULT_SORT = "-changed"


class MessageFilter(forms.Form):
    """Which messages to list and in which order; what does not fit is left out."""

    q = forms.CharField(required=False, max_length=200)
    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])

    def narrow(self, messages: MessageQuerySet) -> MessageQuerySet:
        self.is_valid()
        text = self.cleaned_data.get("q", "").strip()
        return messages.matching(text) if text else messages

    @property
    def sort_by(self) -> str:
        return self.cleaned_data.get("sort") or DEFAULT_SORT


class MessageForm(forms.Form):
    """Takes the text as it was typed; the checks say what is wrong with it."""

    subject = forms.CharField(
        label=_("Subject"),
        strip=False,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    preheader = forms.CharField(
        label=_("Preheader"),
        strip=False,
        required=False,
        help_text=_(
            "Inboxes show it after the subject, up to 150 characters. Without it they "
            "show the beginning of the letter."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    html = forms.CharField(
        label=_("Letter"),
        strip=False,
        required=False,
        widget=forms.Textarea(
            attrs={"rows": 18, "class": "mono", "spellcheck": "true", "data-editor": ""}
        ),
    )
    text = forms.CharField(
        label=_("Plain-text part"),
        strip=False,
        required=False,
        help_text=_(
            "For programs that show no HTML. Empty: made from the letter by itself."
        ),
        widget=forms.Textarea(attrs={"rows": 10, "class": "mono"}),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        fields: Iterable[tuple[str, str]],
        message: Message | None = None,
    ) -> None:
        names = self.base_fields if message else ()
        initial = {name: getattr(message, name) for name in names}
        super().__init__(data, initial=initial)
        self.menu = list(fields)  # what the page offers: names and their labels
        self.names = [name for name, _label in self.menu]
        menu = json.dumps(self.menu, ensure_ascii=False)
        for name in ("subject", "preheader", "html"):
            self.fields[name].widget.attrs["data-merge-fields"] = menu
        for name in ("subject", "preheader"):
            self.fields[name].widget.attrs["data-merge-target"] = ""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for problem in find_problems(self.draft, names=self.names):
            if problem.field not in self.errors:
                self.add_error(problem.field, str(problem))
        return data

    @property
    def draft(self) -> Draft:
        values = {name: self.cleaned_data.get(name, "") for name in self.fields}
        return clean_draft(Draft(**values))
