"""The sink's side of AUTH: PLAIN, LOGIN and SCRAM-SHA-256, the server's halves."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping

__all__ = ["Login"]

SALT, ROUNDS = b"salt", 4096


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
        }[mechanism]
        return await check(initial)

    async def _plain(self, initial: str) -> str:
        _, user, password = base64.b64decode(initial).decode().split("\0")
        return self._compare(user, password)

    async def _login(self, initial: str) -> str:
        user = (await self._ask(b"Username:")).decode()
        return self._compare(user, (await self._ask(b"Password:")).decode())

    def _compare(self, user: str, password: str) -> str:
        return user if self._users.get(user) == password else ""

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
