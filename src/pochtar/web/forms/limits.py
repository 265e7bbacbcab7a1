"""The fields of limits: of an SMTP server, and of providers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from mailcore.providers import PROVIDERS, Provider
from pochtar.accounts.models import Workspace
from pochtar.delivery.limits import HIGHEST, MOST_CONNECTIONS, WARMUP_PLAN, RelayLimits
from pochtar.delivery.models import ProviderRule, Relay
from pochtar.delivery.quotas import ProviderLimits

_APART = re.compile(r"[,;\s]+")
NUMBERS = (
    "max_connections",
    "messages_per_connection",
    "per_second",
    "per_minute",
    "per_hour",
    "per_day",
)
RULES = ("connections", "letters_per_connection", "per_minute")


def number_field(label: Any, *, most: int = HIGHEST, **over: Any) -> forms.IntegerField:
    wrong = _("Enter a whole number from 1 up.")
    return forms.IntegerField(
        **{
            "label": label,
            "required": False,
            "min_value": 1,
            "max_value": most,
            "error_messages": {
                "invalid": wrong,
                "min_value": wrong,
                "max_value": _("This number is too big."),
            },
            "widget": forms.NumberInput(attrs={"inputmode": "numeric"}),
            **over,
        }
    )


class LimitFields(forms.Form):
    """How much an SMTP server may be given. Empty is no limit."""

    max_connections = number_field(_("Connections at once"), most=MOST_CONNECTIONS)
    messages_per_connection = number_field(_("Letters per connection"))
    per_second = number_field(_("Letters a second"))
    per_minute = number_field(_("Letters a minute"))
    per_hour = number_field(_("Letters an hour"))
    per_day = number_field(_("Letters a day"))
    warmup_started_on = forms.DateField(
        label=_("First day"),
        required=False,
        help_text=_("Empty: no warm-up."),
        error_messages={"invalid": _("Enter a date.")},
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    warmup_plan = forms.CharField(
        label=_("Letters on each day to each mailbox provider"),
        required=False,
        max_length=600,
        help_text=_("Day by day, separated by commas. After the last one it is over."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = _plain_limits(RelayLimits()) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)

    def clean_warmup_plan(self) -> tuple[int, ...]:
        words = [
            word for word in _APART.split(self.cleaned_data["warmup_plan"]) if word
        ]
        if not all(word.isascii() and word.isdecimal() for word in words):
            raise forms.ValidationError(
                _("Enter up to 60 numbers, one for each day, separated by commas.")
            )
        return tuple(int(word[:9]) for word in words)

    def limits(self) -> RelayLimits:
        data = self.cleaned_data
        numbers = {name: data[name] for name in NUMBERS}
        numbers["messages_per_connection"] = numbers["messages_per_connection"] or 100
        return RelayLimits(
            **numbers,
            warmup_started_on=data["warmup_started_on"],
            warmup_plan=data["warmup_plan"],
        )

    @property
    def shows_limits(self) -> bool:
        """Whether a limit is set or wrong: then the part is shown open."""
        names = [*NUMBERS, "warmup_started_on"]
        usual = {"messages_per_connection": (100, "100", "", None)}
        return any(
            self[name].errors or self[name].value() not in usual.get(name, ("", None))
            for name in names
        ) or bool(self["warmup_plan"].errors)


def initial_limits(source: Relay | RelayLimits) -> dict[str, Any]:
    """Return the fields' values for a row or for a preset."""
    return _plain_limits(source)


def _plain_limits(source: Relay | RelayLimits) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(source, name) for name in NUMBERS}
    plan = source.warmup_plan or WARMUP_PLAN
    values["warmup_started_on"] = source.warmup_started_on
    values["warmup_plan"] = ", ".join(map(str, plan))
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRow:
    """One provider in the table, with its fields."""

    provider: Provider
    fields: list[BoundField]


class ProvidersForm(forms.Form):
    """All providers at once; an empty field is as in our table."""

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rules = {rule.provider: rule for rule in ProviderRule.objects.of(workspace)}
        labels = {
            "connections": _("Connections at once"),
            "letters_per_connection": _("Letters per connection"),
            "per_minute": _("Letters a minute"),
        }
        for key, provider in PROVIDERS.items():
            for name in RULES:
                usual = getattr(provider, name)
                field = number_field(labels[name])
                field.initial = getattr(rules.get(key), name, None)
                field.widget.attrs["placeholder"] = usual or "–"
                self.fields[f"{key}-{name}"] = field

    def rows(self) -> Iterator[ProviderRow]:
        for key, provider in PROVIDERS.items():
            fields = [self[f"{key}-{name}"] for name in RULES]
            yield ProviderRow(provider=provider, fields=fields)

    def rules(self) -> dict[str, ProviderLimits]:
        data = self.cleaned_data
        return {
            key: ProviderLimits(**{name: data[f"{key}-{name}"] for name in RULES})
            for key in PROVIDERS
        }
