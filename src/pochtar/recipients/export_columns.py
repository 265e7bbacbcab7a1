"""The columns that an export can have, and their cells.

Cells are text in the reader's words; what an import reads back (address, name, comment,
attributes) is as it is stored.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from pochtar.accounts.models import Workspace
from pochtar.recipients.models import (
    Attribute,
    Basis,
    Recipient,
    RecipientList,
    Subscription,
)

ATTRIBUTE = "attribute:"
LISTS = "lists"
BETWEEN_LISTS = "; "
COLUMNS: Mapping[str, Promise] = {
    "email": _("E-mail"),
    "full_name": _("Full name"),
    "comment": _("Comment"),
    LISTS: _("Lists"),
    "status": _("Status"),
    "basis": _("Basis"),
    "created_at": _("Added"),
    "unsubscribed_at": _("Unsubscribed"),
}
READ = (
    "email",
    "full_name",
    "comment",
    "attributes",
    "basis",
    "suppressed",
    "created_at",
    "unsubscribed_at",
)
STATUSES: Mapping[str, Promise] = {
    "stopped": _("in the stop list"),
    "unsubscribed": pgettext_lazy("recipient", "unsubscribed"),
    "unconfirmed": _("unconfirmed"),
    "reached": _("gets mailings"),
}
Cells = dict[str, Any]


def known_columns(workspace: Workspace) -> list[tuple[str, str]]:
    """Return the columns that may be chosen: name and title."""
    keys = Attribute.objects.of(workspace).order_by("position", "key")
    attributes = [(ATTRIBUTE + key, key) for key in keys.values_list("key", flat=True)]
    fixed = [(name, str(title)) for name, title in COLUMNS.items()]
    return [*fixed[:3], *attributes, *fixed[3:]]


def rows_of(
    workspace: Workspace, columns: Sequence[str], ids: Sequence[UUID]
) -> Iterator[list[str]]:
    """Yield the cells of each of these who is still there, in the order of the ids."""
    people = {
        row["pk"]: row
        for row in Recipient.objects.of(workspace)
        .filter(pk__in=ids)
        .values("pk", *READ)
    }
    if LISTS in columns:
        _add_lists(workspace, people)
    readers = [_reader(name, workspace) for name in columns]
    for pk in ids:
        if row := people.get(pk):
            yield [read(row) for read in readers]


def _add_lists(workspace: Workspace, people: dict[UUID, Cells]) -> None:
    names = dict(RecipientList.objects.of(workspace).values_list("pk", "name"))
    for row in people.values():
        row[LISTS] = []
    pairs = Subscription.objects.filter(recipient__in=list(people), list__in=names)
    for pk, list_id in pairs.values_list("recipient_id", "list_id"):
        if list_id in names:
            people[pk][LISTS].append(names[list_id])


def _reader(name: str, workspace: Workspace) -> Callable[[Cells], str]:
    if name.startswith(ATTRIBUTE):
        key = name.removeprefix(ATTRIBUTE)
        return lambda row: _as_text(row["attributes"].get(key, ""))
    special: dict[str, Callable[[Cells], str]] = {
        LISTS: lambda row: BETWEEN_LISTS.join(sorted(row[LISTS])),
        "status": _status_reader(),
        "basis": _basis_reader(),
        "created_at": lambda row: _moment(row["created_at"], workspace),
        "unsubscribed_at": lambda row: _moment(row["unsubscribed_at"], workspace),
    }
    return special.get(name, lambda row: str(row[name]))


def _status_reader() -> Callable[[Cells], str]:
    words = {code: str(word) for code, word in STATUSES.items()}
    return lambda row: words[_status(row)]


def _basis_reader() -> Callable[[Cells], str]:
    words = {code: str(word) for code, word in Basis.choices}
    return lambda row: words.get(row["basis"], "")


def _status(row: Cells) -> str:
    if row["suppressed"]:
        return "stopped"
    if row["unsubscribed_at"]:
        return "unsubscribed"
    return "reached" if row["basis"] else "unconfirmed"


def _moment(at: dt.datetime | None, workspace: Workspace) -> str:
    if at is None:
        return ""
    return timezone.localtime(at, workspace.tz).strftime("%Y-%m-%d %H:%M:%S")


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
