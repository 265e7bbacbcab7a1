"""The page of receiving providers and their limits."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, URLResolver, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from pochtar.accounts.models import Role
from pochtar.delivery.limits import set_provider_rules
from pochtar.web.access import WorkspaceRequest, require, workspace_view
from pochtar.web.forms.limits import ProvidersForm


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view
def providers(request: WorkspaceRequest) -> HttpResponse:
    """Everybody sees the numbers; managers change them."""
    posted = None
    if request.method == "POST":
        require(request, Role.MANAGER)
        posted = request.POST
    form = ProvidersForm(posted, workspace=request.workspace)
    if posted is not None and form.is_valid():
        set_provider_rules(request.workspace, form.rules(), by=request.user)
        messages.success(request, _("Saved."))
        return redirect("providers")
    status = 422 if form.errors else 200
    return render(request, "relays/providers.html", {"form": form}, status=status)


urlpatterns: list[URLPattern | URLResolver] = [
    path("providers/", providers, name="providers"),
]
