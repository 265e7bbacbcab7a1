"""The first page: what the service is for a visitor, how things stand for a member."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, path
from django.utils import timezone

from pochtar.reports import queries
from pochtar.web.access import WorkspaceRequest, workspace_view


def home(request: HttpRequest) -> HttpResponseBase:
    if not request.user.is_authenticated:
        return render(request, "home/landing.html")
    return dashboard(request)


@workspace_view
def dashboard(request: WorkspaceRequest) -> HttpResponse:
    steps = queries.first_steps(request.workspace)
    context: dict[str, object] = {"steps": steps}
    if not steps.untouched:
        context |= _progress(request)
    if request.htmx:
        return render(request, "home/dashboard.html#live", context)
    if not steps.untouched:
        days = queries.attempts_by_day(request.workspace, now=timezone.now())
        context["days"] = days
        context["attempts"] = sum(day.successful + day.unsuccessful for day in days)
    return render(request, "home/dashboard.html", context)


def _progress(request: WorkspaceRequest) -> dict[str, object]:
    """What changes while a mailing runs: asked for again every few seconds."""
    recent = queries.recent_mailings(request.workspace)
    return {
        "figures": queries.key_figures(request.workspace),
        "recent": recent,
        "live": any(row.mailing.status in queries.ACTIVE for row in recent),
    }


urlpatterns: list[URLPattern | URLResolver] = [path("", home, name="home")]
