"""The way out of the mailings: where a letter's link and List-Unsubscribe lead.

* GET and HEAD change nothing, ever: scanners open every address in a letter (RFC 8058
  section 1).  A person sees a page with one button.
* POST unsubscribes, without login, cookie or CSRF token: the address itself is the
  proof.  The answer is 200, however often it comes, and never a redirect (section 3.1):
  a mail program's button and the page's differ only in what is written down.
* A token that is not ours is answered without a look at the database.

Leaving has no rate limit: mail services post from few addresses, and a token of 128
bits is not guessed.  Coming back has one, or the audit log could be filled by a toggle.
"""

from __future__ import annotations

from allauth.core import ratelimit
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from mailcore.tokens import TokenError
from pochtar.delivery.leaving import Bearer, come_back, find_bearer, leave
from pochtar.recipients.models import UnsubscribedVia
from pochtar.web.reader import reader_of

ONE_CLICK = ("List-Unsubscribe", "One-Click")  # RFC 8058 section 3.1
BACK = "back"
SHOWN_OF_ADDRESS = 2


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Answer in the reader's language, or in the one the page's own switch names."""
    asked = request.GET.get("language", "")
    language = asked if asked in dict(settings.LANGUAGES) else request.LANGUAGE_CODE
    with translation.override(language):
        try:
            response = _answer(request, find_bearer(token))
        except TokenError:
            response = render(request, "public/no_such_link.html", status=404)
    response["Content-Language"] = language
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"  # the address is a key
    return response


def _answer(request: HttpRequest, bearer: Bearer) -> HttpResponse:
    if request.method != "POST":
        return _page(request, bearer, "left" if bearer.has_left else "ask")
    if ONE_CLICK in request.POST.items():
        if not bearer.is_test:
            leave(bearer, via=UnsubscribedVia.ONE_CLICK, reader=reader_of(request))
        return HttpResponse("OK", content_type="text/plain; charset=utf-8")
    return _page(request, bearer, _obey(request, bearer))


def _obey(request: HttpRequest, bearer: Bearer) -> str:
    """Do what a person's button says; return what the page then shows."""
    if bearer.is_test:
        return "test"
    reader = reader_of(request)
    if request.POST.get("wish") != BACK:
        leave(bearer, via=UnsubscribedVia.PAGE, reader=reader)
        return "left"
    if not (bearer.may_return and _may_come_back(request, bearer)):
        return "left"
    wording = _("It was a mistake: subscribe again")  # as the button says
    come_back(bearer, wording=wording, reader=reader)
    return "back"


def _may_come_back(request: HttpRequest, bearer: Bearer) -> bool:
    key = str(bearer.recipient.pk if bearer.recipient else "")
    return bool(ratelimit.consume(request, action="come_back", key=key))


def _page(request: HttpRequest, bearer: Bearer, state: str) -> HttpResponse:
    context = {
        "state": state,
        "shop": bearer.workspace,
        "address": mask(bearer.email),
        "can_return": bearer.may_return,
        "is_test": bearer.is_test,
    }
    return render(request, "public/unsubscribe.html", context)


def mask(email: str) -> str:
    """Show enough for its owner, and not enough for whoever got the letter forwarded."""
    local, at, domain = email.rpartition("@")
    return f"{local[:SHOWN_OF_ADDRESS]}•••{at}{domain}" if at else ""


urlpatterns = [path("u/<str:token>/", unsubscribe, name="unsubscribe")]
