"""Signed opaque tokens, one purpose each.

1. Every purpose has a key of its own, derived from the secret: a token made for one
   purpose says nothing to another.
2. A token is ``kind | expiry? | payload | tag`` in URL-safe base64 without padding; the
   tag is a keyed BLAKE2b of all that precedes it, 128 bits.
3. Reading compares in constant time, accepts one spelling of a token only, and looks at
   the clock which the caller brings.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

__all__ = ["TokenError", "TokenSigner"]

TAG_BYTES = 16
EXPIRY_BYTES = 6
LONGEST_TOKEN = 2048
SHORTEST_SECRET = 16

_LASTING = b"\x01"
_EXPIRING = b"\x02"
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class TokenError(ValueError):
    """The token is not good; ``code`` is ``malformed``, ``forged`` or ``expired``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSigner:
    purpose: str
    secret: bytes = field(repr=False)
    # Keyed once and copied for each token: half the cost.
    _keyed: Any = field(init=False, repr=False, compare=False)
    # The same with the first byte of a lasting token: the key is hashed in, a third less.
    _lasting: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.purpose or len(self.secret) < SHORTEST_SECRET:
            raise ValueError("a signer needs a purpose and a secret of 16 bytes")
        secret = self.secret if len(self.secret) <= 64 else _shorten(self.secret)
        key = blake2b(self.purpose.encode(), key=secret, digest_size=32).digest()
        keyed = blake2b(key=key, digest_size=TAG_BYTES)
        object.__setattr__(self, "_keyed", keyed)
        lasting = keyed.copy()
        lasting.update(_LASTING)
        object.__setattr__(self, "_lasting", lasting)

    def sign(self, payload: bytes, *, expires_at: datetime | None = None) -> str:
        """Return a token that carries ``payload``, readable by anybody."""
        if expires_at is None:
            return self.sign_lasting(payload).decode("ascii")
        stamp = int(_aware(expires_at).timestamp())
        body = _EXPIRING + stamp.to_bytes(EXPIRY_BYTES, "big") + payload
        return _encode(body + self._tag(body)).decode("ascii")

    def sign_lasting(self, payload: bytes) -> bytes:
        """Return the token without an expiry, as the ASCII that a letter takes."""
        tag = self._lasting.copy()
        tag.update(payload)
        return _encode(_LASTING + payload + tag.digest())

    def read(self, token: str, *, now: datetime | None = None) -> bytes:
        """Return the payload, or raise `TokenError`.

        A token with an expiry cannot be read without ``now``.
        """
        raw = _decode(token)
        body, tag = raw[:-TAG_BYTES], raw[-TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(body)):
            raise TokenError("forged")
        if body[:1] == _LASTING:
            return body[1:]
        stamp = int.from_bytes(body[1 : 1 + EXPIRY_BYTES], "big")
        if now is None or _aware(now).timestamp() >= stamp:
            raise TokenError("expired")
        return body[1 + EXPIRY_BYTES :]

    def _tag(self, body: bytes) -> bytes:
        tag = self._keyed.copy()
        tag.update(body)
        digest: bytes = tag.digest()
        return digest


def _shorten(secret: bytes) -> bytes:
    """BLAKE2b takes keys of up to 64 bytes; a longer secret is hashed first."""
    return blake2b(secret).digest()


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot expire anything")
    return moment


def _encode(raw: bytes) -> bytes:
    """Half the cost of ``urlsafe_b64encode``, which every letter pays twice."""
    text = binascii.b2a_base64(raw, newline=False).translate(_URL_SAFE)
    return text.rstrip(b"=")


def _decode(token: str) -> bytes:
    if len(token) > LONGEST_TOKEN or not token.isascii():
        raise TokenError("malformed")
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError) as error:
        raise TokenError("malformed") from error
    # Base64 has several spellings of the same bytes; a bearer token has one.
    if _encode(raw).decode("ascii") != token:
        raise TokenError("malformed")
    if len(raw) <= TAG_BYTES:
        raise TokenError("malformed")
    return raw
