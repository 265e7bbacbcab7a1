"""The table of recipients, which the page of all and the page of a list share."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pochtar.recipients.models import RecipientList
from pochtar.recipients.search import DEFAULT_ORDER, ORDERS, Search, find_page
from pochtar.recipients.statuses import LOOKED_FOR
from pochtar.web.access import WorkspaceRequest

LONGEST_QUERY = 200


def found_recipients(
    request: WorkspaceRequest, *, of_list: RecipientList | None = None
) -> dict[str, Any]:
    """Return what the table shows: the page, the count, and how it was asked for."""
    search = read_search(request.GET, request, of_list=of_list)
    order = read_order(request.GET.get("sort", ""))
    found = find_page(search, order=order, cursor=request.GET.get("cursor", ""))
    narrowed = (
        bool(search.text) or bool(search.list_id and not of_list) or bool(search.status)
    )
    return {
        "found": found,
        "page": found.page,
        "query": search.text,
        "list_id": search.list_id,
        "status": search.status,
        "sort": order,
        "columns": _columns(order),
        "narrowed": narrowed,
        "none_at_all": not narrowed and not found.page.rows,
    }


def read_search(
    data: Any, request: WorkspaceRequest, *, of_list: RecipientList | None = None
) -> Search:
    """Return the search that a query string or a form's hidden fields describe."""
    status = data.get("who", "")
    return Search(
        workspace=of_list.workspace if of_list else request.workspace,
        text=data.get("q", "").replace("\x00", "").strip()[:LONGEST_QUERY],
        list_id=of_list.pk if of_list else read_id(data.get("list", "")),
        status=status if status in LOOKED_FOR else "",
    )


def read_order(text: str) -> str:
    return text if text.removeprefix("-") in ORDERS else DEFAULT_ORDER


def read_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def wants_fragment(request: WorkspaceRequest) -> bool:
    """Say whether only the table is asked for (Back restores whole pages)."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def _columns(order: str) -> dict[str, dict[str, str]]:
    """Return for each column how it is sorted now, and what a click asks for."""
    columns = {}
    for name in ORDERS:
        ascending, descending = order == name, order == f"-{name}"
        # A first click on a time shows the newest, on a text the first letter.
        first, second = (f"-{name}", name) if name == "added" else (name, f"-{name}")
        columns[name] = {
            "aria": "ascending" if ascending else "descending" if descending else "",
            "next": second if order == first else first,
        }
    return columns
