"""The part of a mailing's form that says who it goes to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from mailcore.addresses import AddressError, parse_address
from pochtar.accounts.models import Workspace
from pochtar.mailings.audience import Choice, Reach, choose, reach_of
from pochtar.mailings.exceptions import MOST_DAYS, Exceptions
from pochtar.mailings.models import AudienceKind, Mailing
from pochtar.recipients.models import Recipient, RecipientList, Segment

NAMED_IN_AN_ERROR = 5
AT_ONCE = 500  # addresses looked up in one query
NEWEST = 200  # so many mailings are offered as an exception
GROUPS = (
    *("lists", "segments"),
    *("exclude_lists", "exclude_segments", "exclude_mailings"),
)
EXCEPTIONS = (
    *("exclude_lists", "exclude_segments", "exclude_mailings"),
    "exclude_days",
)
AUDIENCE_FIELDS = frozenset(
    {*("audience", "lists", "segments", "picked", "addresses", "follows"), *EXCEPTIONS}
)
SEPARATORS = re.compile(r"[\n,;]+")
IN_ANGLES = re.compile(r".*<([^<>]+)>$")


class PickedWidget(forms.SelectMultiple):
    """Shows as options only those who are chosen; the rest come by searching."""

    def optgroups(
        self, name: str, value: list[str], attrs: dict[str, Any] | None = None
    ) -> list[Any]:
        field_choices = self.choices
        chosen = [pk for pk in value if _is_uuid(pk)]
        rows = field_choices.queryset.filter(pk__in=chosen)  # type: ignore[attr-defined]
        self.choices = [(str(row.pk), str(row)) for row in rows]
        try:
            return super().optgroups(name, value, attrs)
        finally:
            self.choices = field_choices


class NewestWidget(forms.SelectMultiple):
    """Shows the newest rows as options, and those that are chosen."""

    def optgroups(
        self, name: str, value: list[str], attrs: dict[str, Any] | None = None
    ) -> list[Any]:
        field_choices = self.choices
        rows = field_choices.queryset.order_by("-pk")  # type: ignore[attr-defined]
        newest = list(rows[:NEWEST])
        chosen = rows.filter(pk__in=[pk for pk in value if _is_uuid(pk)])
        older = chosen.exclude(pk__in=[row.pk for row in newest])
        self.choices = [(str(row.pk), str(row)) for row in [*newest, *older]]
        try:
            return super().optgroups(name, value, attrs)
        finally:
            self.choices = field_choices


class AudienceForm(forms.Form):
    """Whom a person chooses, and leaves out; `reach` counts them before it is saved."""

    audience = forms.ChoiceField(
        label=_("Recipients"),
        choices=AudienceKind.choices,
        initial=AudienceKind.EVERYBODY,
        widget=forms.RadioSelect,
    )
    lists = forms.ModelMultipleChoiceField(
        label=_("Lists"),
        queryset=RecipientList.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Who is in several lists or segments gets one letter."),
    )
    segments = forms.ModelMultipleChoiceField(
        label=_("Segments"),
        queryset=Segment.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Who belongs to a segment is found out at the launch."),
    )
    exclude_lists = forms.ModelMultipleChoiceField(
        label=_("Members of the lists"),
        queryset=RecipientList.objects.none(),
        required=False,
        widget=forms.SelectMultiple(attrs={"data-tomselect": ""}),
    )
    exclude_segments = forms.ModelMultipleChoiceField(
        label=_("Members of the segments"),
        queryset=Segment.objects.none(),
        required=False,
        widget=forms.SelectMultiple(attrs={"data-tomselect": ""}),
    )
    exclude_mailings = forms.ModelMultipleChoiceField(
        label=_("Who got the mailings"),
        queryset=Mailing.objects.none(),
        required=False,
        widget=NewestWidget(attrs={"data-tomselect": ""}),
        help_text=_("Whom a mailing failed with, or skipped, has not got it."),
    )
    exclude_days = forms.IntegerField(
        label=_("Who got any mailing in the last days"),
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
        help_text=_("How many days. Empty: it does not matter."),
    )
    picked = forms.ModelMultipleChoiceField(
        label=_("Picked people"),
        queryset=Recipient.objects.none(),
        required=False,
        widget=PickedWidget,
    )
    addresses = forms.CharField(
        label=_("Addresses of recipients"),
        required=False,
        max_length=1_000_000,
        widget=forms.Textarea(
            attrs={"rows": 4, "class": "mono", "spellcheck": "false"}
        ),
        help_text=_("One a line. Each must be among your recipients."),
    )
    # Only for counting: the mailing whose people are left out.
    follows = forms.ModelChoiceField(
        queryset=Mailing.objects.none(), required=False, widget=forms.HiddenInput
    )

    def __init__(
        self,
        *args: Any,
        workspace: Workspace,
        search_url: str = "",
        mailing: Mailing | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.workspace = workspace
        lists = RecipientList.objects.of(workspace).order_by("name")
        segments = Segment.objects.of(workspace).order_by("name")
        mailings = Mailing.objects.of(workspace)
        choices = {
            "lists": lists,
            "segments": segments,
            "picked": Recipient.objects.of(workspace),
            "follows": mailings,
            "exclude_lists": lists,
            "exclude_segments": segments,
            "exclude_mailings": mailings.exclude(pk=mailing.pk if mailing else None),
        }
        for name, rows in choices.items():
            self._rows(name).queryset = rows
        if search_url:
            self.fields["picked"].widget.attrs.update(
                {"data-tomselect": "", "data-source-url": search_url}
            )

    def _rows(self, name: str) -> forms.ModelChoiceField[Any]:
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)
        return field

    def clean_addresses(self) -> list[Recipient]:
        """Find the recipients of the addresses; name those that are not there."""
        if self.cleaned_data.get("audience") != AudienceKind.PICKED:
            return []  # the field is out of sight: an error in it would be as well
        keys = dict(_read_addresses(self.cleaned_data["addresses"]))
        found = {row.email_key: row for row in self._find([k for k in keys if k])}
        unknown = [text for key, text in keys.items() if key not in found]
        if unknown:
            raise ValidationError(_not_found(unknown), code="unknown_address")
        return list(found.values())

    def _find(self, keys: list[str]) -> Iterator[Recipient]:
        rows = Recipient.objects.of(self.workspace)
        for start in range(0, len(keys), AT_ONCE):
            yield from rows.filter(email_key__in=keys[start : start + AT_ONCE])

    @property
    def people(self) -> set[Recipient]:
        """Return those picked by search and those named by address."""
        data = self.cleaned_data
        return {*data.get("picked", ()), *data.get("addresses", ())}

    def keep_errors_of_the_audience(self) -> None:
        """Drop the other fields' errors: only the number was asked for."""
        for name in set(self.errors) - AUDIENCE_FIELDS:
            del self.errors[name]

    @property
    def has_exceptions(self) -> bool:
        """Whether the part of the form with the exceptions is to be seen at once."""
        values = (self[name].value() for name in EXCEPTIONS)
        return any(values) or any(name in self.errors for name in EXCEPTIONS)

    def reach(self) -> Reach | None:
        """Count whom the audience has now; None while it cannot be said.

        Only the fields of the audience need to be right for that.
        """
        self.is_valid()
        if AUDIENCE_FIELDS - self.cleaned_data.keys():
            return None
        return reach_of(self.workspace, self._choice())

    def _choice(self) -> Choice:
        data = self.cleaned_data
        return choose(
            data["audience"],
            lists=[row.pk for row in data["lists"]],
            segments=data["segments"],
            picked=[row.pk for row in self.people],
            follows=data["follows"],
            exceptions=Exceptions(
                lists=frozenset(row.pk for row in data["exclude_lists"]),
                segments=tuple(data["exclude_segments"]),
                mailings=frozenset(row.pk for row in data["exclude_mailings"]),
                days=data["exclude_days"],
            ),
        )


def _read_addresses(text: str) -> Iterator[tuple[str, str]]:
    """Yield (key, what was typed); an empty key for what is no address."""
    for piece in SEPARATORS.split(text):
        if not (typed := piece.strip()):
            continue
        angles = IN_ANGLES.match(typed)
        try:
            yield parse_address(angles[1] if angles else typed).key, typed
        except AddressError:
            yield f"?{typed}", typed


def _not_found(unknown: list[str]) -> str:
    named = ", ".join(text[:100] for text in unknown[:NAMED_IN_AN_ERROR])
    more = len(unknown) - NAMED_IN_AN_ERROR
    if more > 0:
        return ngettext(
            "Not among your recipients: %(named)s and %(more)d more.",
            "Not among your recipients: %(named)s and %(more)d more.",
            more,
        ) % {"named": named, "more": more}
    return str(_("Not among your recipients: %(named)s.")) % {"named": named}


def _is_uuid(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
