"""Say what a bulk action is about, how it went, and whom a selection means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from pochtar.recipients.models import (
    Basis,
    BulkJob,
    Export,
    JobKind,
    RecipientList,
    Segment,
)
from pochtar.recipients.selections import status_of

STATUS_WORDS: Mapping[str, Promise] = {
    "unsubscribed": gettext_lazy("unsubscribed ones"),
    "stopped": gettext_lazy("those on the stop list"),
    "unconfirmed": gettext_lazy("unconfirmed ones"),
}


def wish_words(job: BulkJob) -> str:
    """Say in a line what is done."""
    wish = job.wish
    texts = {
        JobKind.ADD: _("Add to the list “%(list)s”"),
        JobKind.REMOVE: _("Remove from the list “%(list)s”"),
        JobKind.ATTRIBUTE: _("Set “%(key)s” to “%(value)s”")
        if wish.get("value")
        else _("Clear “%(key)s”"),
        JobKind.BASIS: _("State a basis: %(basis)s"),
        JobKind.STOP: _("Put on the stop list"),
        JobKind.DELETE: _("Delete recipients"),
    }
    basis = wish.get("basis")
    return texts[JobKind(job.kind)] % {
        "list": wish.get("list_name", ""),
        "key": wish.get("key", ""),
        "value": wish.get("value", ""),
        "basis": Basis(basis).label if basis else "",
    }


def done_words(job: BulkJob) -> str:
    """Say how many were changed, and in which way."""
    number = job.changed
    texts = {
        JobKind.ADD: ngettext(
            "%(number)s recipient has been added to the list “%(list)s”.",
            "%(number)s recipients have been added to the list “%(list)s”.",
            number,
        ),
        JobKind.REMOVE: ngettext(
            "%(number)s recipient has been removed from the list “%(list)s”.",
            "%(number)s recipients have been removed from the list “%(list)s”.",
            number,
        ),
        JobKind.ATTRIBUTE: ngettext(
            "“%(key)s” has been changed for %(number)s recipient.",
            "“%(key)s” has been changed for %(number)s recipients.",
            number,
        ),
        JobKind.BASIS: ngettext(
            "The basis has been stated for %(number)s recipient.",
            "The basis has been stated for %(number)s recipients.",
            number,
        ),
        JobKind.STOP: ngettext(
            "%(number)s recipient has been put on the stop list.",
            "%(number)s recipients have been put on the stop list.",
            number,
        ),
        JobKind.DELETE: ngettext(
            "%(number)s recipient has been deleted.",
            "%(number)s recipients have been deleted.",
            number,
        ),
    }
    return texts[JobKind(job.kind)] % {
        "number": number_format(number, force_grouping=True),
        "list": job.wish.get("list_name", ""),
        "key": job.wish.get("key", ""),
    }


def selection_words(
    packed: Mapping[str, Any], names: Mapping[str, str] | None = None
) -> str:
    """Say whom a selection means; ``names`` are those that `names_of` found."""
    if packed["ids"] is not None:
        number = len(packed["ids"])
        return ngettext("%(number)d ticked", "%(number)d ticked", number) % {
            "number": number
        }
    names = names or {}
    parts = []
    if pk := packed["list"]:
        name = names.get(pk, "")
        parts.append(_("list “%(name)s”") % {"name": name} if name else _("a list"))
    if pk := packed["segment"]:
        name = names.get(pk, "")
        parts.append(
            _("segment “%(name)s”") % {"name": name} if name else _("a segment")
        )
    if packed["text"]:
        parts.append(_("search “%(text)s”") % {"text": packed["text"]})
    if status := status_of(packed):
        parts.append(str(STATUS_WORDS[status]))
    return ", ".join(parts) or _("all recipients")


def names_of(works: Sequence[BulkJob | Export]) -> dict[str, str]:
    """Return the names of the lists and segments that the works' selections mean."""
    found: dict[str, str] = {}
    workspaces = {work.workspace_id for work in works}
    for model, key in ((RecipientList, "list"), (Segment, "segment")):
        ids = {work.selection[key] for work in works if work.selection[key]}
        rows = model.objects.filter(pk__in=ids, workspace__in=workspaces)
        found |= {str(pk): name for pk, name in rows.values_list("pk", "name")}
    return found
