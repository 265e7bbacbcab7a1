"""The form of a mailing, and the filters of the pages that list mailings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from mailcore.addresses import AddressError, parse_address
from pochtar.accounts.models import Workspace
from pochtar.base.errors import InvalidInput
from pochtar.content.models import Message
from pochtar.delivery.models import Sender
from pochtar.mailings.audience import choose, select_audience
from pochtar.mailings.models import AudienceKind, Mailing, MissedRule
from pochtar.mailings.services import Draft, check_draft, check_times
from pochtar.recipients.models import Recipient, RecipientList

SHOWN_AS_OPTIONS = 200  # more picked people than this are shown as a text of addresses
NAMED_IN_AN_ERROR = 5
AT_ONCE = 500  # addresses looked up in one query
AUDIENCE_FIELDS = frozenset({"audience", "lists", "picked", "addresses", "follows"})
SEPARATORS = re.compile(r"[\n,;]+")
IN_ANGLES = re.compile(r".*<([^<>]+)>$")


class MomentField(forms.DateTimeField):
    """A moment in the workspace's time zone (the middleware has set it)."""

    widget = forms.DateTimeInput(
        attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M"
    )


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


class SubjectField(forms.ModelChoiceField[Message]):
    """Messages by subject; two of the same subject differ by their last change."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.subject)


class MailingForm(forms.Form):
    """What a person chooses about a mailing; ``draft`` is what the services take."""

    name = forms.CharField(
        label=_("Mailing name"),
        max_length=200,
        required=False,
        help_text=_("For yourself. Empty: the subject of the message."),
    )
    message = SubjectField(
        label=_("Message"), queryset=Message.objects.none(), empty_label=_("Choose…")
    )
    sender = forms.ModelChoiceField(
        label=_("Sender"),
        queryset=Sender.objects.none(),
        required=False,
        empty_label=_("Choose later"),
    )
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
        help_text=_("Who is in several lists gets one letter."),
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
    start_at = MomentField(label=_("Start"), required=False)
    stop_at = MomentField(label=_("Stop"), required=False)
    missed_rule = forms.ChoiceField(
        label=_("If nothing ran here at the start"),
        choices=MissedRule.choices,
        initial=MissedRule.SEND,
        required=False,
        help_text=_("For instance because the computer was off."),
    )
    canary = forms.BooleanField(
        label=_("Careful start"),
        required=False,
        initial=True,
        help_text=_(
            "With a thousand recipients or more, a few get it first; the others follow "
            "by themselves when that went well."
        ),
    )

    def __init__(
        self, *args: Any, workspace: Workspace, search_url: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.workspace = workspace
        choices = {
            "message": Message.objects.of(workspace).order_by("-updated_at", "-pk"),
            "sender": Sender.objects.of(workspace).select_related("relay"),
            "lists": RecipientList.objects.of(workspace).order_by("name"),
            "picked": Recipient.objects.of(workspace),
            "follows": Mailing.objects.of(workspace),
        }
        for name, rows in choices.items():
            self._rows(name).queryset = rows
        picked = self.fields["picked"].widget.attrs
        if search_url:
            picked.update({"data-tomselect": "", "data-source-url": search_url})
        zone = format_lazy(
            _("Time of the workspace: {zone}."), zone=workspace.time_zone
        )
        self.fields["start_at"].help_text = format_lazy(
            "{} {}", _("Empty: starts when it is launched."), zone
        )
        self.fields["stop_at"].help_text = format_lazy(
            "{} {}", _("Who has not been tried by then is skipped."), zone
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

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        try:
            check_times(data.get("start_at"), data.get("stop_at"))
            if not self.errors:
                check_draft(self.workspace, self.draft)
        except InvalidInput as error:
            self.add_error(error.field or None, str(error))
        return data

    def keep_errors_of_the_audience(self) -> None:
        """Drop the other fields' errors: only the number was asked for."""
        for name in set(self.errors) - AUDIENCE_FIELDS:
            del self.errors[name]

    @property
    def people(self) -> set[Recipient]:
        """Return those picked by search and those named by address."""
        data = self.cleaned_data
        return {*data.get("picked", ()), *data.get("addresses", ())}

    @property
    def draft(self) -> Draft:
        data = self.cleaned_data
        return Draft(
            message=data["message"],
            name=data["name"],
            sender=data["sender"],
            audience=data["audience"],
            lists=list(data["lists"]),
            picked=list(self.people),
            start_at=data["start_at"],
            stop_at=data["stop_at"],
            missed_rule=data["missed_rule"] or MissedRule.SEND,
            canary=data["canary"],
        )

    def count(self) -> int | None:
        """Return how many the audience has now; None while it cannot be said.

        Only the fields of the audience need to be right for that.
        """
        self.is_valid()
        if AUDIENCE_FIELDS - self.cleaned_data.keys():
            return None
        data = self.cleaned_data
        choice = choose(
            data["audience"],
            lists=[row.pk for row in data["lists"]],
            picked=[row.pk for row in self.people],
            follows=data["follows"],
        )
        return select_audience(self.workspace, choice).count()


def initial_of(mailing: Mailing) -> dict[str, Any]:
    """Return what the form of an existing mailing starts with."""
    picked = list(mailing.picked.all())
    as_options = len(picked) <= SHOWN_AS_OPTIONS
    return {
        "name": mailing.name,
        "message": mailing.message_id,
        "sender": mailing.sender_id,
        "audience": mailing.audience,
        "lists": [row.pk for row in mailing.lists.all()],
        "picked": [row.pk for row in picked] if as_options else [],
        "addresses": "" if as_options else "\n".join(row.email for row in picked),
        "follows": mailing.follows_id,
        "start_at": mailing.start_at,
        "stop_at": mailing.stop_at,
        "missed_rule": mailing.missed_rule,
        "canary": mailing.canary,
    }


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


STATE_CHOICES: list[tuple[str, str | Promise]] = [
    ("", _("All")),
    ("created", pgettext_lazy("mailings", "Created")),
    ("scheduled", pgettext_lazy("mailings", "Scheduled")),
    ("running", pgettext_lazy("mailings", "Running")),
    ("paused", pgettext_lazy("mailings", "Paused")),
    ("completed", pgettext_lazy("mailings", "Completed")),
    ("cancelled", pgettext_lazy("mailings", "Cancelled")),
]
