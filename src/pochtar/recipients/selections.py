"""Write a selection down, so that a worker finds the same recipients later."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pochtar.accounts.models import Workspace
from pochtar.recipients.search import Search, Selection


def pack_selection(selection: Selection) -> dict[str, Any]:
    """Return what `unpack_selection` makes the selection from, as JSON can hold it."""
    search = selection.search
    packed: dict[str, Any] = {
        "text": search.text,
        "list": str(search.list_id) if search.list_id else None,
        "unsubscribed": search.unsubscribed,
        "ids": None,
    }
    if selection.ids is not None:
        packed["ids"] = sorted(map(str, selection.ids))
    return packed


def unpack_selection(workspace: Workspace, packed: dict[str, Any]) -> Selection:
    search = Search(
        workspace=workspace,
        text=packed["text"],
        list_id=UUID(packed["list"]) if packed["list"] else None,
        unsubscribed=packed["unsubscribed"],
    )
    ids = packed["ids"]
    return Selection(
        search=search, ids=None if ids is None else frozenset(map(UUID, ids))
    )
