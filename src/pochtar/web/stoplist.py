"""The pages of the stop list (BNC-07)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from mailcore.addresses import AddressError, parse_address, parse_domain
from pochtar.accounts.models import Role
from pochtar.base.addresshash import hash_address
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.base.paging import keyset_page
from pochtar.recipients.models import (
    StopUpload,
    Suppression,
    SuppressionReason,
    WorkState,
)
from pochtar.recipients.stop_exchange import (
    Preview,
    export_stop_list,
    import_upload,
    keep_upload,
    preview_upload,
)
from pochtar.recipients.stoplist import lift, stop_address, stop_domain
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    find_visible,
    role_view,
    workspace_view,
)
from pochtar.web.export import stream_csv
from pochtar.web.forms.stoplist import StopForm, StopListForm

LONGEST_QUERY = 320
form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@workspace_view
def stoplist(request: WorkspaceRequest) -> HttpResponse:
    query = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_QUERY]
    reason = request.GET.get("reason", "")
    rows = Suppression.objects.of(request.workspace).select_related("created_by")
    if reason in SuppressionReason.values:
        rows = rows.filter(reason=reason)
    else:
        reason = ""
    if query:
        rows = rows.filter(_matching(query))
    page = keyset_page(rows, cursor=request.GET.get("cursor", ""))
    context = {
        "page": page,
        "query": query,
        "reason": reason,
        "reasons": SuppressionReason.choices,
        "narrowed": bool(query or reason),
    }
    return render(request, "stoplist/index.html", context)


def _matching(query: str) -> Q:
    """Say what a search finds: beginnings, and whatever stops a whole address."""
    beginning = Q(email__istartswith=query) | Q(
        domain__startswith=query.lower().removeprefix("@")
    )
    try:
        address = parse_address(query)
    except AddressError:
        return beginning | _domain(query)
    return (
        beginning | Q(address_hash=hash_address(address.key)) | _domain(address.domain)
    )


def _domain(text: str) -> Q:
    """Find a domain in either spelling; and of an address the entry that stops it."""
    try:
        name = parse_domain(text)
    except AddressError:
        return Q(pk__in=[])
    labels = name.split(".")
    return Q(domain__in=[".".join(labels[at:]) for at in range(len(labels))])


@form_view
@role_view(Role.EDITOR)
def stoplist_add(request: WorkspaceRequest) -> HttpResponse:
    initial = {"what": request.GET.get("what", "")[:LONGEST_QUERY]}
    form = StopForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            row, added = _stop(request, form)
        except InvalidInput as error:
            field = "what" if error.field in {"email", "domain"} else error.field
            form.add_error(field, str(error))
        else:
            _say_stopped(request, row, added)
            return redirect("stoplist")
    status = 422 if form.errors else 200
    return render(request, "stoplist/add.html", {"form": form}, status=status)


def _stop(request: WorkspaceRequest, form: StopForm) -> tuple[Suppression, bool]:
    what = form.cleaned_data["what"]
    reason = SuppressionReason(form.cleaned_data["reason"])
    evidence = form.cleaned_data["evidence"]
    stop = stop_domain if form.is_domain else stop_address
    return stop(
        request.workspace, what, reason=reason, evidence=evidence, by=request.user
    )


def _say_stopped(request: WorkspaceRequest, row: Suppression, added: bool) -> None:
    if added:
        text = _("No mailing reaches %(what)s any more.")
        messages.success(request, text % {"what": row})
    else:
        text = _("%(what)s is on the stop list already: %(reason)s.")
        said = {"what": row, "reason": row.get_reason_display()}
        messages.info(request, text % said)


@form_view
@workspace_view
def stoplist_lift(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    rows = Suppression.objects.select_related("workspace", "created_by")
    row: Suppression = find_editable(rows, request, pk)
    if request.method == "POST":
        try:
            lift(row, by=request.user)
        except Conflict as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("The entry is off the stop list."))
        return redirect("stoplist")
    return render(request, "stoplist/lift.html", {"entry": row})


@form_view
@role_view(Role.EDITOR)
def stoplist_import(request: WorkspaceRequest) -> HttpResponse:
    """Take a file or a paste; what would happen is shown on the next page."""
    form = StopListForm(
        request.POST if request.method == "POST" else None, request.FILES or None
    )
    if request.method == "POST" and form.is_valid():
        try:
            upload = _keep(request, form)
        except InvalidInput as error:
            form.add_error("file" if form.cleaned_data["file"] else "text", str(error))
        else:
            return redirect("stoplist-upload", upload.pk)
    status = 422 if form.errors else 200
    return render(request, "stoplist/import.html", {"form": form}, status=status)


def _keep(request: WorkspaceRequest, form: StopListForm) -> StopUpload:
    content, name = form.content()
    return keep_upload(
        request.workspace,
        content,
        file_name=name,
        reason=SuppressionReason(form.cleaned_data["reason"]),
        by=request.user,
    )


@form_view
@workspace_view
def stoplist_upload(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Show what the import would do; a POST does it.  Then: how far it is."""
    rows = StopUpload.objects.select_related("workspace")
    if request.method != "POST":
        upload = find_visible(rows, request, pk)
        if upload.is_active or upload.state == WorkState.DONE:
            return render(request, "stoplist/upload_busy.html", _progress(upload))
        return _preview(request, upload)
    upload = find_editable(rows, request, pk)
    try:
        upload = import_upload(upload, by=request.user)
    except Conflict as error:
        messages.error(request, str(error))
    if upload.state != WorkState.DONE:
        return redirect("stoplist-upload", upload.pk)
    messages.success(request, _added(upload))
    return redirect("stoplist")


@require_safe
@workspace_view
def stoplist_upload_live(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """Give the moving part; reload the page when it has ended."""
    upload = find_visible(StopUpload.objects.all(), request, pk)
    answer = render(request, "stoplist/upload_busy.html#live", _progress(upload))
    if not upload.is_active:
        answer["HX-Refresh"] = "true"
    return answer


def _progress(upload: StopUpload) -> dict[str, Any]:
    now = timezone.now()
    return {
        "upload": upload,
        "rate": upload.rate(now),
        "seconds_left": upload.seconds_left(now),
        "outcome": _added(upload),
    }


def _added(upload: StopUpload) -> str:
    entries = ngettext(
        "%(number)s entry has been added to the stop list.",
        "%(number)s entries have been added to the stop list.",
        upload.added,
    ) % {"number": number_format(upload.added, force_grouping=True)}
    if not upload.marked:
        return entries
    marked = ngettext(
        "%(number)s recipient gets no more mailings.",
        "%(number)s recipients get no more mailings.",
        upload.marked,
    ) % {"number": number_format(upload.marked, force_grouping=True)}
    return f"{entries} {marked}"


def _preview(request: WorkspaceRequest, upload: StopUpload) -> HttpResponse:
    preview, error = Preview(), ""
    try:
        preview = preview_upload(upload)
    except InvalidInput as refused:
        error = str(refused)
    context: dict[str, Any] = {"upload": upload, "preview": preview, "error": error}
    status = 422 if error else 200
    return render(request, "stoplist/upload.html", context, status=status)


@require_safe
@workspace_view
def stoplist_csv(request: WorkspaceRequest) -> StreamingHttpResponse:
    header = [
        _("Address or domain"),
        _("Reason"),
        _("Evidence"),
        _("Added"),
        _("By"),
        _("Hash of the address"),
    ]
    lines = export_stop_list(request.workspace, by=request.user)
    return stream_csv(_("stop list"), header, lines)


urlpatterns = [
    path("stoplist/", stoplist, name="stoplist"),
    path("stoplist/add/", stoplist_add, name="stoplist-add"),
    path("stoplist/import/", stoplist_import, name="stoplist-import"),
    path("stoplist/import/<uuid:pk>/", stoplist_upload, name="stoplist-upload"),
    path(
        "stoplist/import/<uuid:pk>/live/",
        stoplist_upload_live,
        name="stoplist-upload-live",
    ),
    path("stoplist/stoplist.csv", stoplist_csv, name="stoplist-csv"),
    path("stoplist/<uuid:pk>/lift/", stoplist_lift, name="stoplist-lift"),
]
