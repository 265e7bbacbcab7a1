"""Who is looking, at which workspace, and what they may do there.

Views look objects up with ``find_visible`` and ``find_editable``: a foreign id gives
404 (SEC-01), and a person whose role is too low for a change gets 403 with a page
that says so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from pochtar.accounts.models import Membership, OwnedQuerySet, Role, User, Workspace

SESSION_KEY = "workspace"


class WorkspaceRequest(HttpRequest):
    """A request of a person who has logged in and works in a workspace."""

    user: User
    workspace: Workspace
    role: Role
    htmx: Any


class WorkspaceMiddleware:
    """Set ``request.workspace`` and ``request.role`` (None for a visitor).

    The session remembers the workspace that was chosen last; a membership that is
    gone falls back to the oldest one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.workspace = request.role = None  # type: ignore[attr-defined]
        membership = (
            self._membership(request) if request.user.is_authenticated else None
        )
        if not membership:
            return self.get_response(request)
        request.workspace = membership.workspace  # type: ignore[attr-defined]
        request.role = Role(membership.role)  # type: ignore[attr-defined]
        # Times are shown, and read from forms, in the workspace's own zone.
        with timezone.override(membership.workspace.tz):
            return self.get_response(request)

    def _membership(self, request: HttpRequest) -> Membership | None:
        mine = Membership.objects.filter(user=request.user.pk).select_related(
            "workspace"
        )
        chosen = request.session.get(SESSION_KEY)
        if chosen and (found := mine.filter(workspace=chosen).first()):
            return found
        return mine.order_by("created_at", "pk").first()


# Typed loosely: a decorated view keeps taking whatever its URL gives it.
View = Callable[..., HttpResponseBase]


def workspace_view(view: View) -> View:
    """Ask for a login; a person without any workspace is asked to open one."""

    @login_required
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if getattr(request, "workspace", None) is None:
            return redirect("workspace-open")
        return view(request, *args, **kwargs)

    return inner


def role_view(lowest: Role) -> Callable[[View], View]:
    """Like ``workspace_view``, for those whose role is ``lowest`` or higher (else 403)."""

    def decorate(view: View) -> View:
        @workspace_view
        @wraps(view)
        def inner(
            request: WorkspaceRequest, *args: Any, **kwargs: Any
        ) -> HttpResponseBase:
            require(request, lowest)
            return view(request, *args, **kwargs)

        return inner

    return decorate


def require(request: WorkspaceRequest, lowest: Role) -> None:
    """Raise PermissionDenied unless the role in the current workspace suffices."""
    if not request.role.at_least(lowest):
        raise PermissionDenied


def find_visible(queryset: OwnedQuerySet, request: WorkspaceRequest, pk: UUID) -> Any:
    """Return the row if the person may see it, else 404."""
    return get_object_or_404(queryset.visible_to(request.user), pk=pk)


def find_editable(queryset: OwnedQuerySet, request: WorkspaceRequest, pk: UUID) -> Any:
    """Return the row if the person may change it; 404 if unseen, 403 if only seen."""
    row = find_visible(queryset, request, pk)
    if not queryset.editable_by(request.user).filter(pk=pk).exists():
        raise PermissionDenied
    return row


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Give templates the workspace and what the person may do in it."""
    role: Role | None = getattr(request, "role", None)
    return {
        "workspace": getattr(request, "workspace", None),
        "role": role,
        "may_edit": bool(role and role.at_least(Role.EDITOR)),
        "may_manage": bool(role and role.at_least(Role.MANAGER)),
        "may_own": bool(role and role.at_least(Role.OWNER)),
    }
