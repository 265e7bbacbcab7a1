"""Many recipients at once: say how many and what, then do it.

The table's form comes here with GET, so that the question has an address of its own
and changes nothing; the answer is the same address with POST.
"""

from __future__ import annotations

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
from pochtar.recipients.jobs import AT_ONCE
from pochtar.recipients.models import BulkJob
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection
from pochtar.web.access import WorkspaceRequest, role_view
from pochtar.web.forms.bulk import FORMS, BulkForm
from pochtar.web.job_words import done_words
from pochtar.web.recipient_table import UNSUBSCRIBED, read_id, read_search

MOST_TICKED = 500
NAMED = 5  # on the page that asks
FIELDS_OF_ERRORS = {"attributes": "value", "name": "new_name"}


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
    return _decide(request, wish)


def _read(data: QueryDict, request: WorkspaceRequest) -> Wish | None:
    action = data.get("action", "")
    if action not in FORMS:
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


def _decide(request: WorkspaceRequest, wish: Wish) -> HttpResponse:
    """Ask what exactly is to be done, then order it."""
    form = _form(request, wish)
    if request.method != "POST" or not form.is_valid():
        return _ask(request, wish, form)
    try:
        job = form.order(wish.selection, by=request.user)
    except InvalidInput as error:
        name = FIELDS_OF_ERRORS.get(error.field, error.field)
        form.add_error(name if name in form.fields else None, str(error))
    except Conflict as error:
        form.add_error(form.field_of_conflict, str(error))
    else:
        return _ordered(request, wish, job)
    return _ask(request, wish, form)


def _form(request: WorkspaceRequest, wish: Wish) -> BulkForm:
    data = request.POST if request.method == "POST" else None
    more: dict[str, Any] = {}
    if wish.action == "remove":
        more["initial"] = {"out_of": wish.selection.search.list_id}
    if wish.action == "delete":
        more["number"] = wish.selection.recipients().count()
    return FORMS[wish.action](data, workspace=request.workspace, **more)


def _ordered(request: WorkspaceRequest, wish: Wish, job: BulkJob) -> HttpResponse:
    if job.is_active:
        return redirect("job", job.pk)
    messages.success(request, done_words(job))
    return redirect(wish.back)


def _ask(request: WorkspaceRequest, wish: Wish, form: BulkForm) -> HttpResponse:
    chosen = wish.selection.recipients()
    number = chosen.count()
    names = [str(row) for row in chosen.order_by("-pk")[:NAMED]]
    if number > NAMED:
        more = ngettext("and %(number)s more", "and %(number)s more", number - NAMED)
        names.append(more % {"number": number_format(number - NAMED)})
    context = {
        "wish": wish,
        "form": form,
        "number": number,
        "names": ", ".join(names),
        "fields": [form[name] for name in form.fields],
        "in_background": number > AT_ONCE,
    }
    status = 422 if form.errors else 200
    return render(request, "recipients/bulk.html", context, status=status)
