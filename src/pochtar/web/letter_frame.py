"""A letter's HTML for a frame that can do nothing (SEC-05).

The frame is sandboxed by its page and loaded from an address of its own with its own
content security policy: no script, no form, no origin, and nothing from another host
until the reader asks for the images.
"""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse

FRAME_POLICY = (
    "default-src 'none'; img-src {images}; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
OWN_IMAGES, ALL_IMAGES = "data:", "https: http: data:"
# Links open beside the page, never inside the frame.
BASE = '<base target="_blank">'


def frame_response(request: HttpRequest, html: str) -> HttpResponse:
    """Answer with the letter; ``?images=1`` lets images of other hosts in."""
    response = HttpResponse(_open_links_outside(html))
    images = ALL_IMAGES if request.GET.get("images") == "1" else OWN_IMAGES
    response["Content-Security-Policy"] = FRAME_POLICY.format(images=images)
    response["Cache-Control"] = "private, no-store"
    return response


def _open_links_outside(html: str) -> str:
    """Put ``<base>`` where it leaves the doctype the first word."""
    if re.search(r"<head[^>]*>", html, re.IGNORECASE):
        return re.sub(
            r"(<head[^>]*>)", rf"\1{BASE}", html, count=1, flags=re.IGNORECASE
        )
    doctype = re.match(r"\s*<!doctype[^>]*>", html, re.IGNORECASE)
    end = doctype.end() if doctype else 0
    return f"{html[:end]}{BASE}{html[end:]}"
