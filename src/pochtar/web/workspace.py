"""The workspace's own pages: its settings, its participants, another one."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from pochtar.accounts.models import Membership, Role, User, Workspace
from pochtar.web.access import (
    SESSION_KEY,
    WorkspaceRequest,
    require,
    workspace_view,
)
from pochtar.web.forms.workspace import WorkspaceForm


@workspace_view
@require_http_methods(["GET", "HEAD", "POST"])
def workspace(request: WorkspaceRequest) -> HttpResponse:
    """Show the settings to everybody; owners may change them."""
    current = request.workspace
    form = WorkspaceForm(
        request.POST or None,
        initial={"name": current.name, "time_zone": current.time_zone},
    )
    if request.method == "POST":
        require(request, Role.OWNER)
        if form.is_valid() and form.change(current, by=request.user):
            messages.success(request, _("Saved."))
            return redirect("workspace")
    participants = (
        Membership.objects.filter(workspace=current)
        .select_related("user")
        .order_by("created_at", "pk")
    )
    others = Workspace.objects.visible_to(request.user).exclude(pk=current.pk)
    context = {"form": form, "participants": participants, "others": others}
    return render(request, "workspace/settings.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def open_another(request: HttpRequest) -> HttpResponse:
    """Open a workspace: the first of a person made by an operator, or one more."""
    assert isinstance(request.user, User)
    form = WorkspaceForm(
        request.POST or None, initial={"time_zone": settings.TIME_ZONE}
    )
    if request.method == "POST" and form.is_valid():
        opened = form.open(owner=request.user)
        if opened:
            request.session[SESSION_KEY] = str(opened.pk)
            return redirect("home")
    return render(request, "workspace/open.html", {"form": form})


@login_required
@require_POST
def switch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Work in another of one's workspaces from now on."""
    assert isinstance(request.user, User)
    chosen = get_object_or_404(Workspace.objects.visible_to(request.user), pk=pk)
    request.session[SESSION_KEY] = str(chosen.pk)
    messages.success(request, _("You work in “%(name)s” now.") % {"name": chosen.name})
    return redirect("home")


urlpatterns = [
    path("workspace/", workspace, name="workspace"),
    path("workspace/open/", open_another, name="workspace-open"),
    path("workspace/<uuid:pk>/switch/", switch, name="workspace-switch"),
]
