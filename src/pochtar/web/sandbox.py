"""The sandbox's pages: captured letters, one letter, and how to log in over SMTP.

A letter's HTML is shown in a sandboxed frame that is loaded from an address of its own
with its own content security policy (SEC-05): no script, no form, no origin, and
nothing from another host until the reader asks for the images.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from pochtar.accounts.models import Role
from pochtar.base.paging import keyset_page
from pochtar.sandbox.credentials import sandbox_password, sandbox_username
from pochtar.sandbox.letters import Attachment, Letter, read_letter
from pochtar.sandbox.links import Link
from pochtar.sandbox.models import CapturedMessage
from pochtar.sandbox.services import (
    delete_letter,
    empty_sandbox,
    empty_system_sandbox,
)
from pochtar.web.access import (
    WorkspaceRequest,
    find_editable,
    find_visible,
    require,
    workspace_view,
)
from pochtar.web.letter_frame import frame_response
from pochtar.web.letters import find_letter, fresh_letter, may_open_letters

NO_CONTENT = 204
LONGEST_QUERY = 200
SHOWN_SOURCE = 200_000  # characters on the page; the download has them all
TABS = ("html", "text", "headers", "source")


@require_safe
@workspace_view
def sandbox(request: WorkspaceRequest) -> HttpResponse:
    """The newest letters first; asks itself every few seconds for newer ones."""
    of_system = _asks_for_the_systems(request)
    letters = CapturedMessage.objects.visible_to(request.user)
    letters = letters.of_system() if of_system else letters.of(request.workspace)
    query = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_QUERY]
    page = keyset_page(
        letters.search(query).headlines(), cursor=request.GET.get("cursor", "")
    )
    newest = str(page.rows[0].pk) if page.rows else ""
    if request.htmx and request.GET.get("newest") == newest:
        return HttpResponse(status=NO_CONTENT)
    context = {
        "page": page,
        "newest": newest,
        "query": query,
        "of_system": of_system,
        "login": _login(request, of_system=of_system),
        "may_empty": of_system or request.role.at_least(Role.MANAGER),
    }
    part = "#letters" if request.htmx else ""
    return render(request, f"sandbox/sandbox.html{part}", context)


def _asks_for_the_systems(request: WorkspaceRequest) -> bool:
    asked = request.GET.get("of") == "system"
    if asked and not request.user.is_staff:
        raise Http404
    return asked


def _login(request: WorkspaceRequest, *, of_system: bool) -> dict[str, Any] | None:
    """Return how another program logs in, for those who may know it."""
    if not request.role.at_least(Role.MANAGER):
        return None
    username = sandbox_username(None if of_system else request.workspace.pk)
    return {
        "host": settings.SANDBOX_HOST,
        "port": settings.SANDBOX_PORT,
        "username": username,
        "password": sandbox_password(username),
    }


@require_safe
@workspace_view
def letter(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    captured = find_visible(CapturedMessage.objects.all(), request, pk)
    editable = CapturedMessage.objects.editable_by(request.user).filter(pk=pk)
    context = letter_context(
        request,
        captured,
        frame_url=reverse("sandbox-frame", args=[pk]),
    )
    context["may_delete"] = editable.exists()
    context["with_files"] = True
    return render(request, "sandbox/letter.html", context)


def letter_context(
    request: HttpRequest, captured: CapturedMessage, *, frame_url: str
) -> dict[str, Any]:
    """Return what ``sandbox/letter_body.html`` shows; the query chooses tab and width."""
    letter = read_letter(bytes(captured.raw))
    tabs = [name for name in TABS if name not in ("html", "text") or _has(letter, name)]
    asked = request.GET.get("show", "")
    images = request.GET.get("images") == "1"
    return {
        "captured": captured,
        "letter": letter,
        "tabs": tabs,
        "tab": asked if asked in tabs else tabs[0],
        "phone": request.GET.get("width") == "phone",
        "images": images,
        "frame_url": f"{frame_url}?images=1" if images else frame_url,
        "links": [(link, _is_ours(link)) for link in letter.links],
        "source": letter.source[:SHOWN_SOURCE],
        "source_is_cut": len(letter.source) > SHOWN_SOURCE,
    }


def _has(letter: Letter, name: str) -> bool:
    if name == "html":
        return bool(letter.html.strip())
    return bool(letter.text.strip()) or not letter.html.strip()


def _is_ours(link: Link) -> bool:
    return link.url.startswith(f"{settings.PUBLIC_URL}/")


@require_safe
@workspace_view
def frame(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    """The letter's HTML, for the frame."""
    captured = find_visible(CapturedMessage.objects.all(), request, pk)
    return _framed(request, captured)


def _framed(request: HttpRequest, captured: CapturedMessage) -> HttpResponse:
    return frame_response(request, read_letter(bytes(captured.raw)).html_with_images())


@require_safe
@never_cache
def fresh_letter_frame(request: HttpRequest) -> HttpResponse:
    """The same for the letter of one's own fresh registration, without a login."""
    awaited = fresh_letter(request)
    captured = find_letter(awaited) if awaited and may_open_letters(request) else None
    if captured is None:
        raise Http404
    return _framed(request, captured)


@require_safe
@workspace_view
def source(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    captured = find_visible(CapturedMessage.objects.all(), request, pk)
    return _download(bytes(captured.raw), "message/rfc822", f"{captured.pk}.eml")


@require_safe
@workspace_view
def attachment(request: WorkspaceRequest, pk: UUID, number: int) -> HttpResponse:
    captured = find_visible(CapturedMessage.objects.all(), request, pk)
    parts: tuple[Attachment, ...] = read_letter(bytes(captured.raw)).attachments
    if not 1 <= number <= len(parts):
        raise Http404
    part = parts[number - 1]
    # Never shown by the browser: always the harmless type.
    return _download(part.content, "application/octet-stream", part.name)


def _download(content: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view
def delete(request: WorkspaceRequest, pk: UUID) -> HttpResponse:
    captured = find_editable(CapturedMessage.objects.all(), request, pk)
    back = _list_url(of_system=captured.workspace_id is None)
    if request.method == "POST":
        delete_letter(captured, by=request.user)
        messages.success(request, _("The letter is deleted."))
        return redirect(back)
    context = {"captured": captured, "back": back}
    return render(request, "sandbox/delete.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view
def empty(request: WorkspaceRequest) -> HttpResponse:
    of_system = _asks_for_the_systems(request)
    if not of_system:
        require(request, Role.MANAGER)
    back = _list_url(of_system=of_system)
    if request.method == "POST":
        messages.success(request, _say_deleted(_empty(request, of_system=of_system)))
        return redirect(back)
    context = {"of_system": of_system, "back": back}
    return render(request, "sandbox/empty.html", context)


def _empty(request: WorkspaceRequest, *, of_system: bool) -> int:
    if of_system:
        return empty_system_sandbox(by=request.user)
    return empty_sandbox(request.workspace, by=request.user)


def _say_deleted(count: int) -> str:
    text = ngettext(
        "The sandbox is empty: %(count)d letter deleted.",
        "The sandbox is empty: %(count)d letters deleted.",
        count,
    )
    return text % {"count": count}


def _list_url(*, of_system: bool) -> str:
    return reverse("sandbox") + ("?of=system" if of_system else "")


urlpatterns = [
    path("sandbox/", sandbox, name="sandbox"),
    path("sandbox/empty/", empty, name="sandbox-empty"),
    path("sandbox/<uuid:pk>/", letter, name="sandbox-letter"),
    path("sandbox/<uuid:pk>/frame/", frame, name="sandbox-frame"),
    path("sandbox/<uuid:pk>/source/", source, name="sandbox-source"),
    path(
        "sandbox/<uuid:pk>/attachments/<int:number>/",
        attachment,
        name="sandbox-attachment",
    ),
    path("sandbox/<uuid:pk>/delete/", delete, name="sandbox-delete"),
    path("account/letter/frame/", fresh_letter_frame, name="account-letter-frame"),
]
