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
        days = queries.attempts_by_day(request.workspace, now=timezone.now())
        recent = queries.recent_mailings(request.workspace)
        context |= {
            "figures": queries.key_figures(request.workspace),
            "days": days,
            "attempts": sum(day.successful + day.unsuccessful for day in days),
            "recent": recent,
            "live": any(row.mailing.status in queries.ACTIVE for row in recent),
        }
    if request.htmx:
        return render(request, "home/dashboard.html#live", context)
    return render(request, "home/dashboard.html", context)


urlpatterns: list[URLPattern | URLResolver] = [path("", home, name="home")]
