"""The form that stops all letters to a recipient."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from pochtar.recipients.models import SuppressionReason
from pochtar.recipients.stopping import REASONS


class StopForm(forms.Form):
    reason = forms.ChoiceField(
        label=_("Why?"),
        choices=[(reason.value, reason.label) for reason in REASONS],
        initial=SuppressionReason.MANUAL.value,
        widget=forms.RadioSelect,
    )
    evidence = forms.CharField(
        label=_("Evidence"),
        required=False,
        help_text=_(
            "A call, a letter, a ticket number: whoever asks later finds it here."
        ),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean_reason(self) -> SuppressionReason:
        return SuppressionReason(self.cleaned_data["reason"])
