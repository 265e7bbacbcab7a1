"""One place in a pool: a session that is opened when needed and kept for a while.

SMTP-13: a session serves at most 100 letters and 300 seconds, and is not trusted
after 30 idle seconds; then QUIT and a new one.

A server that offers PIPELINING and then mixes up its replies gets one command at a
time for a day (SMTP-10); so does one where a connection that has not brought a single
letter through breaks while several commands are on their way.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from mailcore.smtp.session import Route, Session, SmtpError, Stage
from mailcore.smtp.stream import Feed

__all__ = ["Manners", "Reuse", "SmtpTransport"]

CAREFUL_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """How long one session may serve (seconds)."""

    letters: int = 100
    age: float = 300
    idle: float = 30


class Manners:
    """Which servers cannot do what they offer; shared by a process's transports."""

    def __init__(self) -> None:
        self._careful_until: dict[tuple[str, int], float] = {}

    def may_pipeline(self, route: Route, now: float) -> bool:
        return self._careful_until.get((route.host, route.port), 0) <= now

    def misbehaved(self, route: Route, now: float) -> None:
        self._careful_until[route.host, route.port] = now + CAREFUL_SECONDS


class SmtpTransport:
    """Sends letters over a session that it keeps open."""

    def __init__(
        self,
        route: Route,
        *,
        reuse: Reuse | None = None,
        manners: Manners | None = None,
    ) -> None:
        self.route = route
        self.host = route.host
        self.peer = ""
        self.tls = ""
        self._reuse = reuse or Reuse()
        self._manners = manners or Manners()
        self._session: Session | None = None
        self._used_at = 0.0

    async def open(self) -> None:
        """Make sure that there is a session for the next letter. Raise SmtpError."""
        if self._session and self._fresh(self._session):
            return
        await self.close()
        now = asyncio.get_running_loop().time()
        pipelining = self._manners.may_pipeline(self.route, now)
        session = await Session.connect(self.route, pipelining=pipelining)
        self._session = session
        self._used_at = session.opened_at
        self.peer, self.tls = session.peer, session.tls

    async def stream(self, feed: Feed) -> None:
        """Hand over what the feed has, until it has no more or the session is used up.

        Raises SmtpError (see Stream.run); then the next ``open`` reconnects.
        """
        session, loop = self._session, asyncio.get_running_loop()
        if session is None:
            raise SmtpError("closed", stage=Stage.MAIL)
        try:
            await session.stream(
                feed,
                letters=self._reuse.letters - session.sent,
                seconds=session.opened_at + self._reuse.age - loop.time(),
            )
        except SmtpError as error:
            if session.pipelining and _mixed_up(session, error):
                self._manners.misbehaved(self.route, loop.time())
            raise
        finally:
            self._used_at = loop.time()

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


def _mixed_up(session: Session, error: SmtpError) -> bool:
    if error.code == "protocol":
        return True
    never_worked = session.sent == 0 and not error.in_doubt
    return never_worked and error.code in ("closed", "timeout")
