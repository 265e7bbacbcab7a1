"""One place in a pool: a session that is opened when needed and kept for a while.

SMTP-13: a session serves at most 100 letters and 300 seconds, and is not trusted
after 30 idle seconds; then QUIT and a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from mailcore.smtp.session import Envelope, Outcome, Route, Session, SmtpError, Stage

__all__ = ["Reuse", "SmtpTransport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """How long one session may serve (seconds)."""

    letters: int = 100
    age: float = 300
    idle: float = 30


class SmtpTransport:
    """Sends one letter at a time over a session that it keeps open."""

    def __init__(self, route: Route, *, reuse: Reuse | None = None) -> None:
        self.route = route
        self.host = route.host
        self.peer = ""
        self.tls = ""
        self._reuse = reuse or Reuse()
        self._session: Session | None = None
        self._used_at = 0.0

    async def open(self) -> None:
        """Make sure that there is a session for the next letter. Raise SmtpError."""
        if self._session and self._fresh(self._session):
            return
        await self.close()
        session = await Session.connect(self.route)
        self._session = session
        self._used_at = session.opened_at
        self.peer, self.tls = session.peer, session.tls

    async def send(self, envelope: Envelope) -> Outcome:
        """Hand one letter over. Raise SmtpError; then the next ``open`` reconnects."""
        if self._session is None:
            raise SmtpError("closed", stage=Stage.MAIL)
        outcome = await self._session.send(envelope)
        self._used_at = asyncio.get_running_loop().time()
        return outcome

    def _fresh(self, session: Session) -> bool:
        now = asyncio.get_running_loop().time()
        return (
            session.usable
            and session.sent < self._reuse.letters
            and now - session.opened_at < self._reuse.age
            and now - self._used_at < self._reuse.idle
        )

    def idle_seconds(self) -> float:
        return asyncio.get_running_loop().time() - self._used_at

    def abort(self) -> None:
        """Drop the session at once; a waiting ``send`` raises SmtpError."""
        if self._session:
            self._session.abort()

    async def close(self) -> None:
        session, self._session = self._session, None
        if session:
            with contextlib.suppress(SmtpError):
                await session.quit()
