"""Many recipients at once: say how many and what, then do it.

The table's form comes here with GET, so that the question has an address of its own
and changes nothing; the answer is the same address with POST.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from pochtar.accounts.models import Role
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.recipients.jobs import AT_ONCE
from pochtar.recipients.models import BulkJob
from pochtar.web.access import WorkspaceRequest, role_view
from pochtar.web.forms.bulk import FORMS, BulkForm
from pochtar.web.job_words import done_words
from pochtar.web.selected import Chosen, read_chosen

NAMED = 5  # on the page that asks
FIELDS_OF_ERRORS = {"attributes": "value", "name": "new_name"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish(Chosen):
    """What is to be done with those who are chosen."""

    action: str


@require_http_methods(["GET", "HEAD", "POST"])
@role_view(Role.EDITOR)
def recipients_bulk(request: WorkspaceRequest) -> HttpResponse:
    posted = request.method == "POST"
    wish = _read(request.POST if posted else request.GET, request)
    if wish is None:
        return redirect("recipients")
    if wish.nobody_ticked:
        messages.warning(request, _("Tick at least one recipient first."))
        return redirect(wish.back)
    return _decide(request, wish)


def _read(data: QueryDict, request: WorkspaceRequest) -> Wish | None:
    action = data.get("action", "")
    if action not in FORMS:
        return None
    chosen = read_chosen(data, request)
    return Wish(
        action=action,
        selection=chosen.selection,
        back=chosen.back,
        hidden=[("action", action), *chosen.hidden],
    )


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
        names.append(
            more % {"number": number_format(number - NAMED, force_grouping=True)}
        )
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
