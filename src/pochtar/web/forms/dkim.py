"""The form that takes in a DKIM key from outside."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

LONGEST_SELECTOR = 63
LONGEST_PEM = 16_384


class SecretArea(forms.Textarea):
    """Never shows what was typed: a private key does not go back to the page."""

    def format_value(self, value: Any) -> str:
        return ""


class ImportKeyForm(forms.Form):
    selector = forms.CharField(
        label=_("Selector"),
        max_length=LONGEST_SELECTOR,
        help_text=_(
            "The name under which the public key stands in DNS: the part before "
            "“._domainkey”."
        ),
        error_messages={"required": _("Enter the selector.")},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )
    pem = forms.CharField(
        label=_("Private key"),
        max_length=LONGEST_PEM,
        help_text=_("In PEM, RSA or Ed25519. Kept encrypted, and never shown again."),
        error_messages={"required": _("Paste the private key.")},
        widget=SecretArea(
            attrs={
                "rows": 10,
                "class": "mono",
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": "-----BEGIN PRIVATE KEY-----",
            }
        ),
    )
