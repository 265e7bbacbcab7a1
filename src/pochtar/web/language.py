"""The language that somebody chose: kept in a cookie, and with the account."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST
from django.views.i18n import LANGUAGE_QUERY_PARAMETER
from django.views.i18n import set_language as set_language_cookie

from pochtar.accounts.models import User
from pochtar.accounts.services import choose_language


def keep_language(
    response: HttpResponse, language: str, *, forget: bool = False
) -> None:
    """Set the cookie by which Django finds the language again.

    "" means the browser's wish: an earlier choice stays, unless it shall be forgotten.
    """
    if not language:
        if forget:
            response.delete_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                path=settings.LANGUAGE_COOKIE_PATH,
                domain=settings.LANGUAGE_COOKIE_DOMAIN,
                samesite="Lax",
            )
        return
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        path=settings.LANGUAGE_COOKIE_PATH,
        domain=settings.LANGUAGE_COOKIE_DOMAIN,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Django's own view; a person who has logged in is remembered by the account."""
    language = request.POST.get(LANGUAGE_QUERY_PARAMETER, "")
    user = request.user
    if isinstance(user, User) and language in dict(settings.LANGUAGES):
        choose_language(user, language)
    response: HttpResponse = set_language_cookie(request)
    return response
