"""The form of SMTP servers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from pochtar.base.errors import InvalidInput
from pochtar.delivery.hosts import clean_host
from pochtar.delivery.models import Relay, RelayTls
from pochtar.delivery.oauth import find_oauth
from pochtar.delivery.presets import Preset
from pochtar.delivery.relays import RelayDraft
from pochtar.web.forms.limits import LimitFields, initial_limits
from pochtar.web.forms.oauth import OAuthFields, initial_oauth

LONGEST_NAME = 120
LONGEST_HOST = 253
LONGEST_LOGIN = 254
LONGEST_PASSWORD = 500


class RelayForm(OAuthFields, LimitFields):
    """An SMTP server. The password is write-only."""

    name = forms.CharField(
        label=_("Name"),
        max_length=LONGEST_NAME,
        help_text=_("For yourselves, for example “Company mail”."),
        error_messages={"required": _("Give the server a name.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    host = forms.CharField(
        label=_("Server address"),
        max_length=LONGEST_HOST,
        error_messages={"required": _("Enter the server's host name.")},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "placeholder": "smtp.example.com",
            }
        ),
    )
    port = forms.IntegerField(
        label=_("Port"),
        initial=587,
        min_value=1,
        max_value=65535,
        error_messages={
            "required": _("Enter a port between 1 and 65535."),
            "invalid": _("Enter a port between 1 and 65535."),
            "min_value": _("Enter a port between 1 and 65535."),
            "max_value": _("Enter a port between 1 and 65535."),
        },
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    tls = forms.ChoiceField(
        label=_("Encryption"),
        choices=RelayTls.choices,
        initial=RelayTls.STARTTLS,
        help_text=_(
            "Usually STARTTLS with port 587, TLS from the start with port 465."
        ),
    )
    username = forms.CharField(
        label=_("Login name"),
        required=False,
        max_length=LONGEST_LOGIN,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        required=False,
        max_length=LONGEST_PASSWORD,
        strip=False,
        help_text=_("Kept encrypted, and never shown again."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(
        self,
        *args: Any,
        relay: Relay | None = None,
        preset: Preset | None = None,
        **kwargs: Any,
    ) -> None:
        stored = find_oauth(relay) if relay else None
        if relay:
            kwargs["initial"] = _values_of(relay) | initial_limits(relay)
        elif preset:
            kwargs["initial"] = _values_of(preset) | initial_limits(preset.limits)
        kwargs["initial"] = (kwargs.get("initial") or {}) | initial_oauth(
            stored or preset
        )
        super().__init__(*args, stored=stored, **kwargs)
        if relay and relay.password_sealed:
            self.fields["password"].help_text = _(
                "A password is stored. Leave this empty to keep it."
            )

    def clean_host(self) -> str:
        try:
            return clean_host(self.cleaned_data["host"])
        except InvalidInput as error:
            raise forms.ValidationError(str(error), code=error.code) from error

    def draft(self) -> RelayDraft:
        data = self.cleaned_data
        return RelayDraft(
            name=data["name"],
            host=data["host"],
            port=data["port"],
            tls=data["tls"],
            username=data["username"],
            password=data["password"] or None,
            oauth=self.oauth(),
            limits=self.limits(),
        )


def _values_of(source: Relay | Preset) -> dict[str, Any]:
    names = ("name", "host", "port", "tls", "username")
    return {name: getattr(source, name) for name in names}
