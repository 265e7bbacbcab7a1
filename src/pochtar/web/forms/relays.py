"""The forms of SMTP servers and senders."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Workspace
from pochtar.base.errors import InvalidInput
from pochtar.delivery.models import Relay, RelayTls, Sender
from pochtar.delivery.relays import RelayDraft, clean_host
from pochtar.delivery.senders import SenderDraft

LONGEST_NAME = 120
LONGEST_HOST = 253
LONGEST_LOGIN = 254
LONGEST_PASSWORD = 500
LONGEST_ADDRESS = 320


class RelayForm(forms.Form):
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

    def __init__(self, *args: Any, relay: Relay | None = None, **kwargs: Any) -> None:
        if relay:
            names = ("name", "host", "port", "tls", "username")
            kwargs["initial"] = {name: getattr(relay, name) for name in names}
        super().__init__(*args, **kwargs)
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
        )


class RelayChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at run time
    def label_from_instance(self, obj: Relay) -> str:
        if obj.is_sandbox:
            return gettext("Sandbox (nothing leaves the service)")
        return f"{obj.name} ({obj.host})"


class SenderForm(forms.Form):
    """Whom letters come from."""

    from_name = forms.CharField(
        label=_("From name"),
        required=False,
        max_length=LONGEST_NAME,
        help_text=_("What people see in their mailbox: the shop's or a person's name."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    from_email = forms.CharField(
        label=_("From address"),
        max_length=LONGEST_ADDRESS,
        error_messages={"required": _("Enter an e-mail address.")},
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    reply_to = forms.CharField(
        label=_("Reply-to address"),
        required=False,
        max_length=LONGEST_ADDRESS,
        help_text=_("Where answers go, if not to the From address."),
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    relay = RelayChoice(
        queryset=Relay.objects.none(),
        label=_("SMTP server"),
        empty_label=None,
        error_messages={
            "required": _("Choose an SMTP server."),
            "invalid_choice": _("Choose an SMTP server."),
        },
    )

    def __init__(
        self,
        *args: Any,
        workspace: Workspace,
        sender: Sender | None = None,
        **kwargs: Any,
    ) -> None:
        if sender:
            names = ("from_name", "from_email", "reply_to", "relay")
            kwargs["initial"] = {name: getattr(sender, name) for name in names}
        super().__init__(*args, **kwargs)
        field = self.fields["relay"]
        assert isinstance(field, RelayChoice)
        # Real servers first; the sandbox ("sandbox" < "smtp") last.
        field.queryset = Relay.objects.of(workspace).order_by("-kind", "name")

    def draft(self) -> SenderDraft:
        data = self.cleaned_data
        return SenderDraft(
            from_name=data["from_name"],
            from_email=data["from_email"],
            reply_to=data["reply_to"],
            relay=data["relay"],
        )
