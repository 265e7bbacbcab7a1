"""The form of senders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Workspace
from pochtar.delivery.models import Relay, Sender
from pochtar.delivery.senders import SenderDraft
from pochtar.delivery.shares import LARGEST_SHARE

LONGEST_NAME = 120
LONGEST_ADDRESS = 320


class RelayChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at run time
    def label_from_instance(self, obj: Relay) -> str:
        if obj.is_sandbox:
            return gettext("Sandbox (nothing leaves the service)")
        return f"{obj.name} ({obj.host})"


def share_field(label: Any, *, required: bool = True) -> forms.IntegerField:
    wrong = _("A share is a number from 0 to 100.")
    return forms.IntegerField(
        label=label,
        required=required,
        min_value=0,
        max_value=LARGEST_SHARE,
        error_messages={"invalid": wrong, "min_value": wrong, "max_value": wrong},
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )


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

    share = share_field(_("Share of the SMTP server above"), required=False)

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
            kwargs["initial"] |= {"share": sender.share, **_further_of(sender)}
        super().__init__(*args, **kwargs)
        field = self.fields["relay"]
        assert isinstance(field, RelayChoice)
        # Real servers first; the sandbox ("sandbox" < "smtp") last.
        field.queryset = Relay.objects.of(workspace).order_by("-kind", "name")
        # The sandbox is for rehearsals: it never stands in for a real server.
        first = sender.relay_id if sender else None
        self._relays = [
            relay
            for relay in field.queryset
            if not relay.is_sandbox and relay.pk != first
        ]
        self.has_further = len(self._relays) > (0 if first else 1)
        for relay in self._relays:
            self.fields[_further(relay)] = share_field(relay.name, required=False)

    def further_fields(self) -> Iterator[BoundField]:
        """The shares of the servers that may stand beside the first one."""
        for relay in self._relays:
            yield self[_further(relay)]

    @property
    def uses_further(self) -> bool:
        """Whether a share is set or wrong: then the part is shown open."""
        return any(
            field.errors or field.value() not in (None, "")
            for field in self.further_fields()
        )

    def draft(self) -> SenderDraft:
        data = self.cleaned_data
        shares = {relay: data[_further(relay)] for relay in self._relays}
        return SenderDraft(
            from_name=data["from_name"],
            from_email=data["from_email"],
            reply_to=data["reply_to"],
            relay=data["relay"],
            share=1 if data["share"] is None else data["share"],
            further={
                relay: share
                for relay, share in shares.items()
                if share is not None and relay != data["relay"]
            },
        )


def _further(relay: Relay) -> str:
    return f"share_{relay.pk.hex}"


def _further_of(sender: Sender) -> dict[str, int]:
    rows = sender.further_relays.select_related("relay")
    return {_further(row.relay): row.share for row in rows}
