"""Access tokens of SMTP servers that take OAuth 2: kept, fetched, and fetched anew.

    stored and good for another minute -> that one
    being fetched by somebody          -> wait for theirs
    else                               -> fetch one, store it, and a new refresh token too

A session asks when it is opened, in the event loop; what concerns the database is done
in the thread that serves its bridge (bridge.py).
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from mailcore.egress import EgressError, post_form
from mailcore.oauth import Client, Token, TokenRefused, read_token, refresh_fields
from mailcore.smtp.auth import secret_forms
from mailcore.smtp.discretion import mask
from mailcore.smtp.session import Route, SmtpError, Stage
from pochtar.base.secrets import SecretError
from pochtar.delivery.hosts import is_public
from pochtar.delivery.models import Relay, RelayOAuth
from pochtar.delivery.oauth import open_secret, sealed_secret
from pochtar.delivery.routes import tls_context

log = structlog.get_logger(__name__)

SPARE = dt.timedelta(minutes=1)  # so long a token must still count when it is used
# A token of this age that is refused is not the trouble: another one would be too.
YOUNG = dt.timedelta(minutes=1)
FETCHING = dt.timedelta(seconds=30)  # longer than any answer may take
LOOK_SECONDS = 0.2
TROUBLES = {
    "private_address": "oauth_private",
    "tls_failed": "oauth_tls",
    "too_big": "oauth_answer",
    "protocol": "oauth_answer",
}

# Runs a function in the thread that may use the database.
Call = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A token is to be fetched, and this is the only one who does it now."""

    oauth_url: str
    client: Client
    sealed: str  # the refresh token as it was found

    @property
    def host(self) -> str:
        return urlsplit(self.oauth_url).hostname or ""


@dataclass(frozen=True, slots=True)
class RelayTokens:
    """The access tokens of one SMTP server."""

    relay_id: UUID
    call: Call = field(compare=False, repr=False)

    async def access_token(self, *, refused: str = "") -> str:
        """Return a token, if there is one another than ``refused``. Raise SmtpError."""
        while True:
            found: str | Errand | None = await self.call(_look, self.relay_id, refused)
            if isinstance(found, str):
                return found
            if found is None:
                await asyncio.sleep(LOOK_SECONDS)
                continue
            token = await self._fetch(found)
            if await self.call(_store, self.relay_id, found, token):
                return token.access_token

    async def _fetch(self, errand: Errand) -> Token:
        try:
            answer = await post_form(
                errand.oauth_url,
                refresh_fields(errand.client),
                context=tls_context(),
                allowed=None if settings.ALLOW_PRIVATE_RELAYS else is_public,
            )
            return read_token(answer)
        except EgressError as error:
            code = TROUBLES.get(error.code, "oauth_unreachable")
            trouble = _trouble(errand, code, error.text)
        except TokenRefused as error:
            trouble = _trouble(errand, error.code, error.text)
        await self.call(_release, self.relay_id, errand, trouble)
        raise trouble


def with_tokens(route: Route, relay: Relay, call: Call) -> Route:
    """Return the route with access tokens, if that is how the relay is logged in to."""
    if relay.is_sandbox or relay.password_sealed or not relay.username:
        return route
    if not RelayOAuth.objects.filter(relay=relay).exists():
        return route
    return dataclasses.replace(route, tokens=RelayTokens(relay.pk, call))


def _trouble(errand: Errand, code: str, text: str) -> SmtpError:
    client = errand.client
    hidden = secret_forms(client.client_secret) | secret_forms(client.refresh_token)
    said = f"{errand.host}: {mask(text, hidden)}" if text else errand.host
    return SmtpError(code, stage=Stage.AUTH, text=said)


# In the thread with the database -----------------------------------------------------
def _look(relay_id: UUID, refused: str) -> str | Errand | None:
    """Return the stored token, or the errand to fetch one; None: somebody is at it."""
    row = RelayOAuth.objects.select_related("relay").filter(relay=relay_id).first()
    if row is None:  # a person has changed the server meanwhile
        raise SmtpError("login_wanted", stage=Stage.AUTH)
    now = timezone.now()
    try:
        return _stored(row, refused, now) or _errand(row, now)
    except SecretError as error:
        raise SmtpError("oauth_unreadable", stage=Stage.AUTH) from error


def _stored(row: RelayOAuth, refused: str, now: dt.datetime) -> str:
    if not (row.access_from and row.access_until) or row.access_until <= now + SPARE:
        return ""
    token = open_secret(row, "access_token")
    return "" if token == refused and row.access_from <= now - YOUNG else token


def _errand(row: RelayOAuth, now: dt.datetime) -> Errand | None:
    errand = Errand(
        oauth_url=row.oauth_url,
        client=Client(
            client_id=row.client_id,
            client_secret=open_secret(row, "client_secret"),
            refresh_token=open_secret(row, "refresh_token"),
            scope=row.scope,
        ),
        sealed=row.refresh_token_sealed,
    )
    free = Q(fetching_until=None) | Q(fetching_until__lte=now)
    mine = RelayOAuth.objects.filter(
        free, relay=row.relay_id, refresh_token_sealed=errand.sealed
    ).update(fetching_until=now + FETCHING)
    return errand if mine else None


def _store(relay_id: UUID, errand: Errand, token: Token) -> bool:
    """Keep what was fetched; False if a person has entered other secrets meanwhile."""
    row = RelayOAuth.objects.select_related("relay").filter(relay=relay_id).first()
    if row is None:
        return False
    now = timezone.now()
    news: dict[str, Any] = {
        "access_token_sealed": sealed_secret(row, "access_token", token.access_token),
        "access_from": now,
        "access_until": now + dt.timedelta(seconds=token.seconds),
        "fetching_until": None,
    }
    if token.refresh_token and token.refresh_token != errand.client.refresh_token:
        sealed = sealed_secret(row, "refresh_token", token.refresh_token)
        news["refresh_token_sealed"] = sealed
    return bool(_unchanged(relay_id, errand).update(**news))


def _release(relay_id: UUID, errand: Errand, trouble: SmtpError) -> None:
    """Let others try."""
    _unchanged(relay_id, errand).update(fetching_until=None)
    log.warning("access_token_not_fetched", relay=str(relay_id), code=trouble.code)


def _unchanged(relay_id: UUID, errand: Errand) -> Any:
    return RelayOAuth.objects.filter(relay=relay_id, refresh_token_sealed=errand.sealed)
