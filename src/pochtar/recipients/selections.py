"""Whom a change or an export means, and how that is written down for a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Workspace
from pochtar.base.errors import Conflict
from pochtar.recipients.models import Recipient, Segment
from pochtar.recipients.search import Search, find_recipients
from pochtar.recipients.segments import segment_recipients


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Recipients that were ticked, or (``ids`` None) everybody whom the search finds.

    With a segment: those of them who are in it now.
    """

    search: Search
    ids: frozenset[UUID] | None = None
    segment_id: UUID | None = None

    def recipients(self) -> QuerySet[Recipient]:
        """Return them; Conflict when the segment has been deleted."""
        workspace = self.search.workspace
        if self.ids is not None:
            return Recipient.objects.of(workspace).filter(pk__in=self.ids)
        if self.segment_id is None:
            return find_recipients(self.search)
        segment = Segment.objects.of(workspace).filter(pk=self.segment_id).first()
        if segment is None:
            raise Conflict("segment_gone", _("This segment has been deleted."))
        people = segment_recipients(segment)
        if self.search.everything:
            return people
        return people.filter(pk__in=find_recipients(self.search).values("pk"))


def pack_selection(selection: Selection) -> dict[str, Any]:
    """Return what `unpack_selection` makes the selection from, as JSON can hold it."""
    search, ids = selection.search, selection.ids
    return {
        "text": search.text,
        "list": str(search.list_id) if search.list_id else None,
        "status": search.status,
        "segment": str(selection.segment_id) if selection.segment_id else None,
        "ids": None if ids is None else sorted(map(str, ids)),
    }


def unpack_selection(workspace: Workspace, packed: dict[str, Any]) -> Selection:
    ids = packed["ids"]
    search = Search(
        workspace=workspace,
        text=packed["text"],
        list_id=UUID(packed["list"]) if packed["list"] else None,
        status=status_of(packed),
    )
    return Selection(
        search=search,
        ids=None if ids is None else frozenset(map(UUID, ids)),
        segment_id=UUID(packed["segment"]) if packed["segment"] else None,
    )


def status_of(packed: Mapping[str, Any]) -> str:
    """Return the status that a packed selection asks for, an older one's too."""
    older = "unsubscribed" if packed.get("unsubscribed") else ""
    return str(packed.get("status", older))
