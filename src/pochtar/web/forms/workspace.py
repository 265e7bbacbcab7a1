"""A workspace's name and time zone."""

from __future__ import annotations

import zoneinfo
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import User, Workspace
from pochtar.accounts.services import change_workspace, open_workspace
from pochtar.base.errors import InvalidInput

RUSSIA = {
    "Europe/Kaliningrad": _("Kaliningrad"),
    "Europe/Moscow": _("Moscow"),
    "Europe/Samara": _("Samara"),
    "Asia/Yekaterinburg": _("Yekaterinburg"),
    "Asia/Omsk": _("Omsk"),
    "Asia/Novosibirsk": _("Novosibirsk"),
    "Asia/Krasnoyarsk": _("Krasnoyarsk"),
    "Asia/Irkutsk": _("Irkutsk"),
    "Asia/Yakutsk": _("Yakutsk"),
    "Asia/Vladivostok": _("Vladivostok"),
    "Asia/Magadan": _("Magadan"),
    "Asia/Kamchatka": _("Petropavlovsk-Kamchatsky"),
}
REGIONS = {
    "Europe": _("Europe"),
    "Asia": _("Asia"),
    "America": _("America"),
    "Africa": _("Africa"),
    "Australia": _("Australia"),
    "Pacific": _("Pacific Ocean"),
    "Atlantic": _("Atlantic Ocean"),
    "Indian": _("Indian Ocean"),
    "Antarctica": _("Antarctica"),
    "Arctic": _("Arctic"),
}


def time_zone_choices() -> list[tuple[Any, Any]]:
    """Return the zones in groups: Russia's own first, the others by part of the world."""
    now = timezone.now()
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name in sorted(zoneinfo.available_timezones() - RUSSIA.keys()):
        region, _slash, city = name.partition("/")
        if region in REGIONS:
            groups[region].append((name, _labelled(name, _spoken(city), now)))
    russia = [(name, _labelled(name, str(city), now)) for name, city in RUSSIA.items()]
    others = [(label, groups[region]) for region, label in REGIONS.items()]
    return [(_("Russia"), russia), ("UTC", [("UTC", "UTC")]), *others]


def _spoken(city: str) -> str:
    return city.replace("_", " ").replace("/", ", ")


def _labelled(name: str, city: str, now: datetime) -> str:
    offset = now.astimezone(zoneinfo.ZoneInfo(name)).strftime("%z")
    sign = "\N{MINUS SIGN}" if offset[0] == "-" else "+"
    hours, minutes = int(offset[1:3]), offset[3:5]
    clock = f"{sign}{hours}" + (f":{minutes}" if minutes != "00" else "")
    return f"{city} (UTC{clock})"


class WorkspaceForm(forms.Form):
    """Opens a workspace, or changes the one it is given."""

    name = forms.CharField(
        label=_("Company or project name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=time_zone_choices,
        help_text=_("Times on all pages and in schedules are meant in this zone."),
        widget=forms.Select(attrs={"data-tomselect": True}),
    )

    def open(self, *, owner: User) -> Workspace | None:
        """Return the new workspace, or None with the errors at the fields."""
        return self._try(partial(open_workspace, owner=owner))

    def change(self, workspace: Workspace, *, by: User) -> Workspace | None:
        """Return the changed workspace, or None with the errors at the fields."""
        return self._try(partial(change_workspace, workspace, by=by))

    def _try(self, service: Callable[..., Workspace]) -> Workspace | None:
        try:
            return service(**self.cleaned_data)
        except InvalidInput as error:
            self.add_error(error.field or None, str(error.text))
            return None
