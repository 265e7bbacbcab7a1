"""AUTH with an access token instead of a password: OAUTHBEARER and XOAUTH2.

OAUTHBEARER is RFC 7628; XOAUTH2 is what Google, Microsoft and Yandex spoke before it.
Both send everything at once.  A server that does not like the token answers 334 with
a complaint in JSON, waits for an empty answer (in OAUTHBEARER: a lone \\x01), and only
then says 535.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from mailcore.smtp.auth import Exchange, Mechanism, secret_forms

__all__ = ["choose_bearer", "token_forms", "token_status"]

LONGEST_STATUS = 60
_UNPRINTABLE = re.compile("[^ -~]+")


def choose_bearer(
    offered: Collection[str], username: str, token: str, *, host: str, port: int
) -> Mechanism | None:
    """Return the best mechanism for tokens that both sides know."""
    known = {
        "OAUTHBEARER": (_oauthbearer(username, token, host, port), b"\x01"),
        "XOAUTH2": (_xoauth2(username, token), b""),
    }
    for name, (response, resigned) in known.items():
        if name in offered:
            exchange = _exchange(response, resigned)
            return Mechanism(name=name, exchange=exchange, bearer=True)
    return None


def token_forms(username: str, token: str, *, host: str, port: int) -> frozenset[str]:
    """Return every form in which the token may turn up in a dialogue."""
    return secret_forms(
        token, _oauthbearer(username, token, host, port), _xoauth2(username, token)
    )


def token_status(challenge: bytes) -> str:
    """Return the status in the server's complaint: "invalid_token", "401"; else ""."""
    try:
        complaint = json.loads(challenge)
    except (ValueError, RecursionError):
        return ""
    status = complaint.get("status") if isinstance(complaint, dict) else None
    if not isinstance(status, str | int):
        return ""
    return _UNPRINTABLE.sub(" ", str(status))[:LONGEST_STATUS].strip()


def _oauthbearer(username: str, token: str, host: str, port: int) -> str:
    name = username.replace("=", "=3D").replace(",", "=2C")
    fields = (f"host={host}", f"port={port}", f"auth=Bearer {token}")
    return "\x01".join([f"n,a={name},", *fields, "", ""])


def _xoauth2(username: str, token: str) -> str:
    return f"user={username}\x01auth=Bearer {token}\x01\x01"


def _exchange(response: str, resigned: bytes) -> Exchange:
    yield response.encode()
    yield resigned
