"""AUTH mechanisms, sans-IO: a server's challenge in, our response out (RFC 4954).

Strongest first: SCRAM-SHA-256 (RFC 7677, the password does not leave us and the
server proves that it knows it), PLAIN, LOGIN; CRAM-MD5 (RFC 2195) only where a server
offers nothing else.  A login with an access token is in bearer.py.

SCRAM-SHA-256-PLUS is not spoken: over TLS 1.3 it wants the value "tls-exporter" (RFC
9266), which Python's ssl does not give out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import unicodedata
from collections.abc import Collection, Generator
from dataclasses import dataclass

__all__ = [
    "AuthError",
    "Exchange",
    "Mechanism",
    "choose_mechanism",
    "decode_challenge",
    "plain_response",
    "secret_forms",
]

# Yields what we answer, is sent the server's challenges; the first value is the
# initial response (None = the mechanism has none).
Exchange = Generator[bytes | None, bytes, None]

MAX_ITERATIONS = 1_000_000  # a server must not be able to keep our CPU busy
SHORTEST_HIDDEN = 8  # bytes: what is shorter is not looked for inside other base64


class AuthError(ValueError):
    """The server's side of the exchange is not what the mechanism demands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """``challenges`` is how many must have come before a login counts.

    ``bearer``: a challenge is the server's complaint about the token.
    """

    name: str
    exchange: Exchange
    challenges: int = 0
    bearer: bool = False


def choose_mechanism(
    offered: Collection[str], username: str, password: str, nonce: str
) -> Mechanism | None:
    """Return the best mechanism both sides know."""
    known = (
        Mechanism(
            name="SCRAM-SHA-256",
            exchange=_scram(username, password, nonce),
            challenges=2,
        ),
        Mechanism(name="PLAIN", exchange=_plain(username, password)),
        Mechanism(name="LOGIN", exchange=_login(username, password)),
        Mechanism(
            name="CRAM-MD5", exchange=_cram_md5(username, password), challenges=1
        ),
    )
    return next((one for one in known if one.name in offered), None)


def secret_forms(secret: str, *wrapped: str) -> frozenset[str]:
    """Return every form in which a secret may turn up in a dialogue.

    ``wrapped`` are the texts that carry it on the wire, such as PLAIN's response.
    """
    if not secret:
        return frozenset()
    texts = [text.encode() for text in (secret, *wrapped)]
    forms = {secret, *map(_base64, texts), *_inside(secret.encode())}
    return frozenset(forms | {form.rstrip("=") for form in forms})


def plain_response(username: str, password: str) -> str:
    return f"\0{username}\0{password}"


def _inside(secret: bytes) -> list[str]:
    """Return the secret as it looks in the middle of something else in base64."""
    if len(secret) < SHORTEST_HIDDEN:
        return []
    found = []
    for before in range(3):
        # A character that also holds bits of a neighbour is not ours.
        first, bits = -(-before * 8 // 6), (before + len(secret)) * 8
        found.append(_base64(bytes(before) + secret)[first : bits // 6])
    return found


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _plain(username: str, password: str) -> Exchange:
    yield plain_response(username, password).encode()


def _login(username: str, password: str) -> Exchange:
    yield None  # few servers take LOGIN's initial response
    yield username.encode()
    yield password.encode()


def _cram_md5(username: str, password: str) -> Exchange:
    challenge = yield None
    digest = hmac.digest(password.encode(), challenge, "md5").hex()
    yield f"{username} {digest}".encode()


def _scram(username: str, password: str, nonce: str) -> Exchange:
    name = username.replace("=", "=3D").replace(",", "=2C")
    bare = f"n={name},r={nonce}"
    first = yield f"n,,{bare}".encode()
    fields = _fields(first)
    salt, rounds = _salt(fields, nonce)
    final = f"c=biws,r={fields['r']}"
    transcript = f"{bare},{first.decode()},{final}".encode()
    secret = unicodedata.normalize("NFKC", password).encode()
    salted = hashlib.pbkdf2_hmac("sha256", secret, salt, rounds)
    client_key = _mac(salted, b"Client Key")
    signature = _mac(hashlib.sha256(client_key).digest(), transcript)
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    answer = yield f"{final},p={_base64(proof)}".encode()
    expected = _base64(_mac(_mac(salted, b"Server Key"), transcript))
    if not hmac.compare_digest(
        _fields(answer).get("v", "").encode(), expected.encode()
    ):
        raise AuthError("the server did not prove that it knows the password")
    yield b""


def _salt(fields: dict[str, str], nonce: str) -> tuple[bytes, int]:
    try:
        salt, rounds = base64.b64decode(fields["s"], validate=True), int(fields["i"])
    except (KeyError, ValueError) as error:  # binascii.Error is a ValueError
        raise AuthError("not a SCRAM challenge") from error
    if not fields.get("r", "").startswith(nonce) or fields["r"] == nonce:
        raise AuthError("the server changed our nonce")
    if not 1 <= rounds <= MAX_ITERATIONS:
        raise AuthError(f"{rounds} iterations")
    return salt, rounds


def _fields(message: bytes) -> dict[str, str]:
    text = message.decode("ascii", "replace")
    return {part[0]: part[2:] for part in text.split(",") if part[1:2] == "="}


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def decode_challenge(text: str) -> bytes:
    """Return the bytes of a 334 reply's text. Raise AuthError."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise AuthError("a challenge that is not base64") from error
