"""The forms of the stop list."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from pochtar.recipients.models import SuppressionReason

# Whoever is erased has a page of their own for it.
BY_HAND = [
    (one.value, one.label)
    for one in SuppressionReason
    if one != SuppressionReason.ERASED
]


class StopForm(forms.Form):
    """Takes the text as it was typed; the services say what is wrong with it."""

    what = forms.CharField(
        label=_("Address or domain"),
        help_text=_(
            "A domain stops everybody there and in its sub-domains: example.com."
        ),
        error_messages={"required": _("Enter an address or a domain.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=BY_HAND,
        initial=SuppressionReason.MANUAL,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a reason.")},
    )
    evidence = forms.CharField(
        label=_("Evidence"),
        required=False,
        strip=False,
        help_text=_("How you know: a letter, a call, the number of a complaint."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    @property
    def is_domain(self) -> bool:
        typed: str = self.cleaned_data["what"]
        return "@" not in typed.strip().removeprefix("@")


class StopListForm(forms.Form):
    """A file or a paste; and the reason of the rows that give none."""

    file = forms.FileField(
        label=_("File"),
        required=False,
        allow_empty_file=True,
        help_text=_(
            "CSV, XLSX or ODS, at most 20 MB and 200,000 rows: an address or a domain "
            "in each; reason and evidence may stand beside it."
        ),
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,.ods"}),
    )
    text = forms.CharField(
        label=_("Or paste the rows"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
    )
    reason = forms.ChoiceField(
        label=_("Reason of the rows without one"),
        choices=BY_HAND,
        initial=SuppressionReason.MANUAL,
        error_messages={"required": _("Choose a reason.")},
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and not (cleaned.get("file") or cleaned.get("text")):
            self.add_error("file", _("Choose a file or paste the rows."))
        return cleaned

    def content(self) -> tuple[bytes, str]:
        """Return what is to be read, and the file's name, "" for a paste."""
        if file := self.cleaned_data["file"]:
            return file.read(), file.name
        text: str = self.cleaned_data["text"]
        return text.encode("utf-8", "replace"), ""
