"""Read from a query string or a form's hidden fields whom a reader has chosen."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict
from django.urls import NoReverseMatch, reverse

from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection
from pochtar.web.access import WorkspaceRequest
from pochtar.web.recipient_table import read_id, read_search

MOST_TICKED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """With whom something is to be done, and where the reader came from."""

    selection: Selection
    back: str
    hidden: list[tuple[str, str]]  # what says the same again

    @property
    def nobody_ticked(self) -> bool:
        return self.selection.ids == frozenset()


def read_chosen(data: QueryDict, request: WorkspaceRequest) -> Chosen:
    """Return whom the table's form means: those ticked, or with everybody=1 all found."""
    search = read_search(data, request)
    segment = read_id(data.get("segment", ""))
    ticked = [pk for text in data.getlist("pick") if (pk := read_id(text))]
    ticked = ticked[:MOST_TICKED]
    everybody = data.get("everybody") == "1"
    selection = Selection(
        search=search,
        ids=None if everybody else frozenset(ticked),
        segment_id=segment,
    )
    came_from = data.get("from", "")
    hidden = [("q", search.text)]
    hidden += [("list", str(search.list_id))] if search.list_id else []
    hidden += [("segment", str(segment))] if segment else []
    hidden += [("who", search.status)] if search.status else []
    hidden += [("from", came_from)] if came_from == "list" or read_id(came_from) else []
    hidden += (
        [("everybody", "1")] if everybody else [("pick", str(pk)) for pk in ticked]
    )
    back = _segment_page(segment) or _back(came_from, search)
    return Chosen(selection=selection, back=back, hidden=hidden)


def _segment_page(segment: UUID | None) -> str:
    try:
        return reverse("segment", args=[segment]) if segment else ""
    except NoReverseMatch:
        return ""


def _back(came_from: str, search: Search) -> str:
    """Return the address of the page that the reader came from."""
    if recipient := read_id(came_from):
        return reverse("recipient", args=[recipient])
    page = reverse("recipients")
    query = {"q": search.text, "who": search.status}
    if search.list_id and came_from == "list":
        page = reverse("list", args=[search.list_id])
    elif search.list_id:
        query["list"] = str(search.list_id)
    query = {name: text for name, text in query.items() if text}
    return f"{page}?{urlencode(query)}" if query else page
