"""What a request tells of the person who sent it, for the consent ledger (LAW-01)."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import get_language

from pochtar.recipients.consent import Reader


def reader_of(request: HttpRequest) -> Reader:
    """Return address, program and language; behind proxies as the rate limits see it."""
    try:
        ip = get_adapter().get_client_ip(request)
    except PermissionDenied:  # nobody is refused because we cannot tell
        ip = ""
    return Reader(
        ip=str(ip or ""),
        user_agent=request.headers.get("User-Agent", ""),
        language=get_language() or "",
    )
