"""Pages for what went wrong."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import get_language


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Rendered without the request, which may be what cannot be read."""
    page = render_to_string("errors/400.html", {"LANGUAGE_CODE": get_language()})
    return HttpResponse(page, status=400)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/404.html", status=404)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/403.html", status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """The template stands alone: nothing that may be broken is asked for it."""
    return render(request, "errors/500.html", status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "errors/csrf.html", status=403)
