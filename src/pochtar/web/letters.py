"""The letter that a visitor has just caused and waits for.

The session remembers where it went, so that the next page can say so, offer to send
it again, and (on one's own machine, while the sandbox takes the system's mail) open
it without a login.  Only the letter of this very browser is ever shown.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from mailcore.addresses import AddressError, parse_address
from pochtar.sandbox.models import CapturedMessage

SESSION_KEY = "fresh_letter"
FRESH = timedelta(hours=1)
# The sandbox's clock is ours; the letter may be stamped in the same instant.
SLACK = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshLetter:
    """Where the last letter went, when, and whether the mail server took it."""

    email: str
    sent_at: datetime
    taken: bool


def remember_letter(request: HttpRequest, email: str, *, taken: bool) -> None:
    """Note in the session that a letter was sent to the address."""
    request.session[SESSION_KEY] = {
        "email": email,
        "sent_at": timezone.now().timestamp(),
        "taken": taken,
    }


def fresh_letter(request: HttpRequest) -> FreshLetter | None:
    """Return the letter of the last hour that this browser caused, if any."""
    noted = request.session.get(SESSION_KEY)
    if not noted:
        return None
    sent_at = datetime.fromtimestamp(noted["sent_at"], UTC)
    if timezone.now() - sent_at > FRESH:
        return None
    return FreshLetter(email=noted["email"], sent_at=sent_at, taken=noted["taken"])


def may_open_letters(request: HttpRequest) -> bool:
    """Say whether system letters may be shown without a login.

    Only on one's own machine: DEBUG is on, no relay is set for the system's mail, and
    both ends of the connection are this computer (a proxy in between gives itself
    away by its header).
    """
    return (
        settings.DEBUG
        and not settings.SYSTEM_SMTP_URL
        and "X-Forwarded-For" not in request.headers
        and _is_loopback(request.META.get("REMOTE_ADDR", ""))
        and _is_loopback(_host_of(request))
    )


def find_letter(letter: FreshLetter) -> CapturedMessage | None:
    """Return the newest captured letter to the address since it was asked for."""
    return (
        CapturedMessage.objects.filter(
            workspace=None,
            rcpt_to__in=_spellings(letter.email),
            received_at__gte=letter.sent_at - SLACK,
        )
        .order_by("-received_at")
        .first()
    )


def _host_of(request: HttpRequest) -> str:
    """Return the host that the browser asked for, without port and brackets."""
    host = request.get_host()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _spellings(email: str) -> set[str]:
    """Return the address as it was typed and as it travels in an envelope."""
    try:
        return {email, parse_address(email).envelope}
    except AddressError:
        return {email}
