"""The form that makes one recipient out of two: for each value, whose it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from pochtar.recipients.field_words import FIELD_WORDS
from pochtar.recipients.models import Recipient
from pochtar.recipients.services import Person

FIRST, SECOND = "first", "second"


class MergeForm(forms.Form):
    """A choice between the two for every field that differs, and for the entry."""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        pair: tuple[Recipient, Recipient],
    ) -> None:
        super().__init__(data)
        self.pair = pair
        self.values = dict(_values(pair))
        self.fields["stays"] = _choice(_("Which entry stays"), FIRST)
        for number, (name, (one, two)) in enumerate(self.values.items()):
            if one != two:
                label = _label(name)
                initial = FIRST if one else SECOND
                self.fields[f"value-{number}"] = _choice(label, initial)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the differing values side by side, each with its choice."""
        for number, (one, two) in enumerate(self.values.values()):
            if (name := f"value-{number}") in self.fields:
                first, second = self[name].subwidgets
                yield {
                    "label": self.fields[name].label,
                    "pair": ((first, one), (second, two)),
                    "errors": self[name].errors,
                }

    def same(self) -> list[tuple[Any, str]]:
        """Return what both say alike."""
        return [
            (_label(name), one)
            for name, (one, two) in self.values.items()
            if one == two and one
        ]

    def wish(self) -> tuple[Recipient, Recipient, Person]:
        """Return who stays, who goes, and the chosen values."""
        chosen = {
            name: self._chosen(number, pair)
            for number, (name, pair) in enumerate(self.values.items())
        }
        first_stays = self.cleaned_data["stays"] == FIRST
        stays, goes = self.pair if first_stays else reversed(self.pair)
        fields = {name: chosen.pop((name, "")) for name in FIELD_WORDS}
        attributes = {key: value for (_name, key), value in chosen.items() if value}
        return stays, goes, Person(**fields, attributes=attributes)

    def _chosen(self, number: int, pair: tuple[str, str]) -> str:
        return pair[self.cleaned_data.get(f"value-{number}") == SECOND]


Name = tuple[str, str]  # a field and "", or "attribute" and its key


def _values(
    pair: tuple[Recipient, Recipient],
) -> Iterator[tuple[Name, tuple[str, str]]]:
    one, two = pair
    for name in FIELD_WORDS:
        yield (name, ""), (getattr(one, name), getattr(two, name))
    keys = dict.fromkeys([*one.attributes, *two.attributes])
    for key in keys:
        values = (one.attributes.get(key, ""), two.attributes.get(key, ""))
        yield ("attribute", key), values


def _label(name: Name) -> Any:
    field, key = name
    return key or FIELD_WORDS[field]


def _choice(label: Any, initial: str) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        choices=[(FIRST, _("the first")), (SECOND, _("the second"))],
        initial=initial,
        widget=forms.RadioSelect(attrs={"class": "form-check-input"}),
    )
