"""The sink's side of AUTH: the server's halves of all mechanisms that we speak.

For a login with a token, the user's "password" is the token that counts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping

__all__ = ["Login"]

SALT, ROUNDS = b"salt", 4096
TICKET = b"<1896.697170952@sink.example>"
CLIENT_FIRST = frozenset({"PLAIN", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2"})
COMPLAINT = b'{"status":"%s","schemes":"bearer","scope":"mail"}'


class Login:
    """One try to log in; ``ask`` sends a 334 challenge and returns the answer."""

    def __init__(
        self, users: Mapping[str, str], ask: Callable[[bytes], Awaitable[bytes]]
    ) -> None:
        self._users = users
        self._ask = ask

    async def user(self, mechanism: str, initial: str) -> str:
        """Return who has logged in, "" for nobody."""
        check = {
            "PLAIN": self._plain,
            "LOGIN": self._login,
            "SCRAM-SHA-256": self._scram,
            "CRAM-MD5": self._cram_md5,
            "OAUTHBEARER": self._oauthbearer,
            "XOAUTH2": self._xoauth2,
        }[mechanism]
        if not initial and mechanism in CLIENT_FIRST:
            initial = base64.b64encode(await self._ask(b"")).decode()
        return await check(initial)

    async def _plain(self, initial: str) -> str:
        _, user, password = base64.b64decode(initial).decode().split("\0")
        return self._compare(user, password)

    async def _login(self, initial: str) -> str:
        user = (await self._ask(b"Username:")).decode()
        return self._compare(user, (await self._ask(b"Password:")).decode())

    def _compare(self, user: str, password: str) -> str:
        return user if self._users.get(user) == password else ""

    async def _cram_md5(self, initial: str) -> str:
        user, _, digest = (await self._ask(TICKET)).decode().rpartition(" ")
        secret = self._users.get(user, "").encode()
        return user if hmac.digest(secret, TICKET, "md5").hex() == digest else ""

    async def _oauthbearer(self, initial: str) -> str:
        header, *fields = base64.b64decode(initial).decode().split("\x01")
        assert any(field.startswith("host=") for field in fields)
        user = header.split(",")[1].removeprefix("a=")
        user = user.replace("=2C", ",").replace("=3D", "=")
        return await self._bearer(user, fields, b"invalid_token", resigned=b"\x01")

    async def _xoauth2(self, initial: str) -> str:
        user, *fields = base64.b64decode(initial).decode().split("\x01")
        user = user.removeprefix("user=")
        return await self._bearer(user, fields, b"401", resigned=b"")

    async def _bearer(
        self, user: str, fields: list[str], status: bytes, *, resigned: bytes
    ) -> str:
        """Believe the token, or complain and wait until the client has resigned."""
        if self._users.get(user) and f"auth=Bearer {self._users[user]}" in fields:
            return user
        answer = await self._ask(COMPLAINT % status)
        assert answer == resigned
        return ""

    async def _scram(self, initial: str) -> str:
        bare = base64.b64decode(initial).decode().removeprefix("n,,")
        user, nonce = (part[2:] for part in bare.split(","))
        first = f"r={nonce}tail,s={base64.b64encode(SALT).decode()},i={ROUNDS}"
        final, _, proof = (await self._ask(first.encode())).decode().rpartition(",p=")
        secret = self._users.get(user, "").encode()
        salted = hashlib.pbkdf2_hmac("sha256", secret, SALT, ROUNDS)
        transcript = f"{bare},{first},{final}".encode()
        stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
        signature = hmac.digest(stored, transcript, "sha256")
        pairs = zip(base64.b64decode(proof), signature, strict=True)
        if hashlib.sha256(bytes(a ^ b for a, b in pairs)).digest() != stored:
            return ""
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        verifier = hmac.digest(server_key, transcript, "sha256")
        await self._ask(b"v=" + base64.b64encode(verifier))
        return user
