"""The form of a mailing, and the filters of the pages that list mailings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from pochtar.accounts.models import Workspace
from pochtar.base.errors import InvalidInput
from pochtar.content.models import Message
from pochtar.delivery.models import Sender
from pochtar.mailings.models import Mailing, MissedRule
from pochtar.mailings.services import Draft, check_draft, check_times
from pochtar.web.forms.audience import GROUPS, AudienceForm

SHOWN_AS_OPTIONS = 200  # more picked people than this are shown as a text of addresses


class MomentField(forms.DateTimeField):
    """A moment in the workspace's time zone (the middleware has set it)."""

    widget = forms.DateTimeInput(
        attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M"
    )


class SubjectField(forms.ModelChoiceField[Message]):
    """Messages by subject; two of the same subject differ by their last change."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.subject)


class MailingForm(AudienceForm):
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

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, workspace=workspace, **kwargs)
        messages = Message.objects.of(workspace)
        self._rows("message").queryset = messages.order_by("-updated_at", "-pk")
        senders = Sender.objects.of(workspace)
        self._rows("sender").queryset = senders.select_related("relay")
        zone = format_lazy(
            _("Time of the workspace: {zone}."), zone=workspace.time_zone
        )
        self.fields["start_at"].help_text = format_lazy(
            "{} {}", _("Empty: starts when it is launched."), zone
        )
        self.fields["stop_at"].help_text = format_lazy(
            "{} {}", _("Who has not been tried by then is skipped."), zone
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        try:
            check_times(data.get("start_at"), data.get("stop_at"))
            if not self.errors:
                check_draft(self.workspace, self.draft)
        except InvalidInput as error:
            self.add_error(error.field or None, str(error))
        return data

    @property
    def draft(self) -> Draft:
        data = self.cleaned_data
        return Draft(
            message=data["message"],
            name=data["name"],
            sender=data["sender"],
            audience=data["audience"],
            lists=list(data["lists"]),
            segments=list(data["segments"]),
            picked=list(self.people),
            exclude_lists=list(data["exclude_lists"]),
            exclude_segments=list(data["exclude_segments"]),
            exclude_mailings=list(data["exclude_mailings"]),
            exclude_days=data["exclude_days"],
            start_at=data["start_at"],
            stop_at=data["stop_at"],
            missed_rule=data["missed_rule"] or MissedRule.SEND,
            canary=data["canary"],
        )


def initial_of(mailing: Mailing) -> dict[str, Any]:
    """Return what the form of an existing mailing starts with."""
    picked = list(mailing.picked.all())
    as_options = len(picked) <= SHOWN_AS_OPTIONS
    return {
        "name": mailing.name,
        "message": mailing.message_id,
        "sender": mailing.sender_id,
        "audience": mailing.audience,
        **{name: [row.pk for row in getattr(mailing, name).all()] for name in GROUPS},
        "exclude_days": mailing.exclude_days,
        "picked": [row.pk for row in picked] if as_options else [],
        "addresses": "" if as_options else "\n".join(row.email for row in picked),
        "follows": mailing.follows_id,
        "start_at": mailing.start_at,
        "stop_at": mailing.stop_at,
        "missed_rule": mailing.missed_rule,
        "canary": mailing.canary,
    }


STATE_CHOICES: list[tuple[str, str | Promise]] = [
    ("", _("All")),
    ("created", pgettext_lazy("mailings", "Created")),
    ("scheduled", pgettext_lazy("mailings", "Scheduled")),
    ("running", pgettext_lazy("mailings", "Running")),
    ("paused", pgettext_lazy("mailings", "Paused")),
    ("completed", pgettext_lazy("mailings", "Completed")),
    ("cancelled", pgettext_lazy("mailings", "Cancelled")),
]
