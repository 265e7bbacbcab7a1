"""Many recipients at once: say how many and what, then do it.

The table's form comes here with GET, so that the question has an address of its own
and changes nothing; the answer is the same address with POST.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from pochtar.accounts.models import Role
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.recipients.bulk import add_selected, delete_selected, remove_selected
from pochtar.recipients.models import RecipientList
from pochtar.recipients.search import Search, Selection
from pochtar.web.access import WorkspaceRequest, role_view
from pochtar.web.forms.lists import AddToListForm, RemoveFromListForm
from pochtar.web.recipient_table import UNSUBSCRIBED, read_id, read_search

MOST_TICKED = 500
NAMED = 5  # on the page that asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be done, with whom, and where the reader came from."""

    action: str
    selection: Selection
    back: str
    hidden: list[tuple[str, str]]


@require_http_methods(["GET", "HEAD", "POST"])
@role_view(Role.EDITOR)
def recipients_bulk(request: WorkspaceRequest) -> HttpResponse:
    posted = request.method == "POST"
    wish = _read(request.POST if posted else request.GET, request)
    if wish is None:
        return redirect("recipients")
    if wish.selection.ids == frozenset():
        messages.warning(request, _("Tick at least one recipient first."))
        return redirect(wish.back)
    return ACTIONS[wish.action](request, wish)


def _read(data: QueryDict, request: WorkspaceRequest) -> Wish | None:
    action = data.get("action", "")
    if action not in ACTIONS:
        return None
    search = read_search(data, request)
    ticked = [pk for text in data.getlist("pick") if (pk := read_id(text))]
    everybody = data.get("everybody") == "1"
    selection = Selection(
        search=search, ids=None if everybody else frozenset(ticked[:MOST_TICKED])
    )
    hidden = [("action", action), ("q", search.text)]
    hidden += [("list", str(search.list_id))] if search.list_id else []
    hidden += [("who", UNSUBSCRIBED)] if search.unsubscribed else []
    hidden += [("everybody", "1")] if everybody else []
    came_from = data.get("from", "")
    hidden += [("from", came_from)] if came_from == "list" or read_id(came_from) else []
    back = _back(came_from, search)
    if not everybody:
        hidden += [("pick", str(pk)) for pk in ticked[:MOST_TICKED]]
    return Wish(action=action, selection=selection, back=back, hidden=hidden)


def _back(came_from: str, search: Search) -> str:
    """Return the address of the page that the reader came from."""
    if recipient := read_id(came_from):
        return reverse("recipient", args=[recipient])
    page, query = reverse("recipients"), {"q": search.text}
    if search.list_id and came_from == "list":
        page = reverse("list", args=[search.list_id])
    elif search.list_id:
        query["list"] = str(search.list_id)
    if search.unsubscribed:
        query["who"] = UNSUBSCRIBED
    query = {name: text for name, text in query.items() if text}
    return f"{page}?{urlencode(query)}" if query else page


def _delete(request: WorkspaceRequest, wish: Wish) -> HttpResponse:
    if request.method == "POST":
        number = delete_selected(wish.selection, by=request.user)
        return _done(
            request,
            wish,
            ngettext(
                "%(number)d recipient has been deleted.",
                "%(number)d recipients have been deleted.",
                number,
            )
            % {"number": number},
        )
    return _ask(request, wish, {})


def _add(request: WorkspaceRequest, wish: Wish) -> HttpResponse:
    form = AddToListForm(
        request.POST if request.method == "POST" else None, workspace=request.workspace
    )
    if request.method == "POST" and form.is_valid():
        try:
            to = form.chosen(by=request.user)
            number = add_selected(wish.selection, to=to, by=request.user)
        except InvalidInput as error:
            form.add_error("new_name", str(error))
        except Conflict as error:
            form.add_error("to", str(error))
        else:
            return _done(request, wish, _added(number, to))
    return _ask(request, wish, {"form": form})


def _added(number: int, to: RecipientList) -> str:
    return ngettext(
        "%(number)d recipient has been added to the list “%(list)s”.",
        "%(number)d recipients have been added to the list “%(list)s”.",
        number,
    ) % {"number": number, "list": to.name}


def _remove(request: WorkspaceRequest, wish: Wish) -> HttpResponse:
    form = RemoveFromListForm(
        request.POST if request.method == "POST" else None,
        workspace=request.workspace,
        initial={"out_of": wish.selection.search.list_id},
    )
    if request.method == "POST" and form.is_valid():
        out_of = form.cleaned_data["out_of"]
        number = remove_selected(wish.selection, out_of=out_of, by=request.user)
        text = ngettext(
            "%(number)d recipient has been removed from the list “%(list)s”.",
            "%(number)d recipients have been removed from the list “%(list)s”.",
            number,
        )
        return _done(request, wish, text % {"number": number, "list": out_of.name})
    return _ask(request, wish, {"form": form})


ACTIONS: dict[str, Callable[[WorkspaceRequest, Wish], HttpResponse]] = {
    "delete": _delete,
    "add": _add,
    "remove": _remove,
}


def _done(request: WorkspaceRequest, wish: Wish, text: str) -> HttpResponse:
    messages.success(request, text)
    return redirect(wish.back)


def _ask(
    request: WorkspaceRequest, wish: Wish, context: dict[str, Any]
) -> HttpResponse:
    chosen = wish.selection.recipients()
    number = chosen.count()
    names = [str(row) for row in chosen.order_by("-pk")[:NAMED]]
    if number > NAMED:
        more = ngettext("and %(number)s more", "and %(number)s more", number - NAMED)
        names.append(more % {"number": number_format(number - NAMED)})
    context |= {"wish": wish, "number": number, "names": ", ".join(names)}
    form = context.get("form")
    status = 422 if form is not None and form.errors else 200
    return render(request, "recipients/bulk.html", context, status=status)
