"""From a row to a route: where a relay stands, with its password opened."""

from __future__ import annotations

import functools
import ssl
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings

from mailcore.smtp.session import (
    Route,
    SmtpError,
    Stage,
    Timeouts,
    TlsMode,
)
from pochtar.base.secrets import seal, unseal
from pochtar.delivery.hosts import is_public
from pochtar.delivery.models import Relay
from pochtar.sandbox.credentials import sandbox_password, sandbox_username

# A person waits in front of the page: "check connection" and test letters.
QUICK = Timeouts(
    connect=8,
    greeting=10,
    ehlo=10,
    tls=10,
    auth=15,
    mail=15,
    rcpt=15,
    data=15,
    block=30,
    dot=60,
    quit=2,
)
SUBMISSION_PORT = 587


def route_of(relay: Relay, *, timeouts: Timeouts | None = None) -> Route:
    """Return how to reach the relay. Raise SecretError if the password is unreadable.

    Access tokens, where it takes them, are added by ``with_tokens`` (tokens.py).
    """
    if relay.is_sandbox:
        return _sandbox(sandbox_username(relay.workspace_id), timeouts)
    return Route(
        host=relay.host,
        port=relay.port,
        tls=TlsMode(relay.tls),
        username=relay.username,
        password=open_password(relay),
        helo_name=helo_name(),
        timeouts=timeouts or Timeouts(),
        ssl_context=tls_context(),
        check_peer=None if settings.ALLOW_PRIVATE_RELAYS else refuse_private,
    )


def system_route() -> Route:
    """Return how the system's own letters leave: SYSTEM_SMTP_URL, else the sandbox."""
    if not settings.SYSTEM_SMTP_URL:
        return _sandbox(sandbox_username(None), QUICK)
    url = urlsplit(settings.SYSTEM_SMTP_URL)
    mode = parse_qs(url.query).get("tls", [TlsMode.STARTTLS.value])[0]
    return Route(
        host=url.hostname or "localhost",
        port=url.port or SUBMISSION_PORT,
        tls=TlsMode(mode),
        username=unquote(url.username or ""),
        password=unquote(url.password or ""),
        helo_name=helo_name(),
        timeouts=QUICK,
        ssl_context=tls_context(),
    )


def _sandbox(username: str, timeouts: Timeouts | None) -> Route:
    return Route(
        host=settings.SANDBOX_HOST,
        port=settings.SANDBOX_PORT,
        tls=TlsMode.NONE,
        username=username,
        password=sandbox_password(username),
        helo_name=helo_name(),
        timeouts=timeouts or Timeouts(),
        # Our own process on our own network; the login is not a person's password.
        allow_plaintext=True,
    )


def helo_name() -> str:
    """Return the name that we greet with; not a full name becomes an address."""
    return settings.HELO_NAME or settings.PUBLIC_HOST


@functools.cache
def tls_context() -> ssl.SSLContext:
    """One for the process: reading the certificate authorities costs 10 ms."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def refuse_private(address: str) -> None:
    """Keep a workspace's relay out of the operator's own network (SEC-08)."""
    if not is_public(address):
        raise SmtpError("private_address", stage=Stage.CONNECT, text=address)


def sealed_password(relay: Relay, password: str) -> str:
    """Encrypt for this very row (SEC-23); "" stays "": no password."""
    return seal(password, place=_place(relay)) if password else ""


def open_password(relay: Relay) -> str:
    if not relay.password_sealed:
        return ""
    return unseal(relay.password_sealed, place=_place(relay))


def _place(relay: Relay) -> str:
    return f"{relay.workspace_id}|delivery_relay|{relay.pk}|password"
