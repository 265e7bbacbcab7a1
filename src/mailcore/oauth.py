"""OAuth 2: trade a refresh token for an access token (RFC 6749 section 6).

Only the words of the talk are here; egress.py carries them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from mailcore.egress import Answer

__all__ = ["Client", "Token", "TokenRefused", "read_token", "refresh_fields"]

USUAL_SECONDS = 600  # where the answer does not say how long the token counts
MOST_SECONDS = 24 * 3600
LONGEST_TEXT = 300
# What RFC 6750 lets a token be made of, and a little more; no controls: the token is
# put between them.
_TOKEN = re.compile("[!-~]{1,16000}")
_UNPRINTABLE = re.compile(r"[^ -~А-яЁё]+")
_TROUBLES = {
    "invalid_grant": "oauth_withdrawn",
    "interaction_required": "oauth_withdrawn",
    "consent_required": "oauth_withdrawn",
    "login_required": "oauth_withdrawn",
    "invalid_client": "oauth_client",
    "unauthorized_client": "oauth_client",
    "invalid_scope": "oauth_scope",
    "temporarily_unavailable": "oauth_deferred",
    "server_error": "oauth_deferred",
    "slow_down": "oauth_deferred",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who asks: the application, and the permission that a person gave it."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """``refresh_token`` is "" unless the old one is to be replaced."""

    access_token: str = field(repr=False)
    seconds: float
    refresh_token: str = field(default="", repr=False)


class TokenRefused(Exception):
    """The server gives no token.

    Codes: oauth_withdrawn, oauth_client, oauth_scope, oauth_deferred, oauth_refused,
    oauth_answer (what came is no answer of a token server).
    """

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.text = text


def refresh_fields(client: Client) -> dict[str, str]:
    fields = {
        "grant_type": "refresh_token",
        "refresh_token": client.refresh_token,
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "scope": client.scope,
    }
    return {name: value for name, value in fields.items() if value}


def read_token(answer: Answer) -> Token:
    """Read what the token address answered. Raise TokenRefused."""
    said = _object(answer.body)
    if answer.status != 200:
        raise _refusal(answer.status, said)
    access, kind = said.get("access_token"), said.get("token_type", "bearer")
    if not _is_token(access) or str(kind).lower() != "bearer":
        raise TokenRefused("oauth_answer", _complaint(said) or "no access_token")
    refresh = said.get("refresh_token")
    return Token(
        access_token=str(access),
        seconds=_seconds(said.get("expires_in")),
        refresh_token=str(refresh) if _is_token(refresh) else "",
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _refusal(status: int, said: dict[str, Any]) -> TokenRefused:
    text = _complaint(said) or f"HTTP {status}"
    if code := _TROUBLES.get(str(said.get("error"))):
        return TokenRefused(code, text)
    if status == 429 or status >= 500:
        return TokenRefused("oauth_deferred", text)
    known = 400 <= status < 500 and "error" in said
    return TokenRefused("oauth_refused" if known else "oauth_answer", text)


def _complaint(said: dict[str, Any]) -> str:
    parts = (said.get("error"), said.get("error_description"))
    text = ": ".join(part for part in parts if isinstance(part, str) and part)
    return _UNPRINTABLE.sub(" ", text).strip()[:LONGEST_TEXT]


def _is_token(value: object) -> bool:
    return isinstance(value, str) and bool(_TOKEN.fullmatch(value))


def _seconds(value: object) -> float:
    try:
        seconds = float(value)  # type: ignore[arg-type]  # some write it as a text
    except (TypeError, ValueError):
        return USUAL_SECONDS
    return max(0.0, min(seconds, MOST_SECONDS)) if seconds == seconds else USUAL_SECONDS
