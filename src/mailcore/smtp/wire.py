"""One connection as lines out, replies in: the only part that touches a socket.

Steps of a command: refuse if the server has spoken unasked; write; wait for one reply
or the deadline or the end of the connection.  Nothing here knows what a command means.
While a listener is set (stream.py) it gets the replies, and nobody waits for them.

One timer serves the whole connection (arming one per command costs more than the
command): it fires early, sees that the deadline has moved on, and sleeps again.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Collection, Iterable
from typing import Protocol, cast

from mailcore.smtp.replies import Reply, ReplyError, ReplyParser
from mailcore.smtp.route import DialogueObserver, SmtpError, Stage

__all__ = ["Listener", "Wire", "connect_wire"]

MASK = "***"


class Listener(Protocol):
    """Who hears replies as they come. No method may wait, or raise."""

    def replied(self, replies: Iterable[Reply]) -> list[Reply]:
        """Return those that it does not want any more."""
        ...

    def failed(self, failure: SmtpError) -> None:
        """The connection cannot be used any more; said once."""
        ...

    def writable(self) -> None:
        """The network takes bytes again."""
        ...


class Wire(asyncio.Protocol):
    """A connected socket that speaks SMTP lines."""

    def __init__(self, observer: DialogueObserver | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._observer = observer
        self._parser = ReplyParser()
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = self._fires_at = 0.0
        self._stage = Stage.CONNECT
        self.is_writable = True
        self.listener: Listener | None = None
        self._failure: SmtpError | None = None
        self.secrets: frozenset[str] = frozenset()
        self.tls = ""

    # What asyncio calls ----------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        raw: socket.socket | None = transport.get_extra_info("socket")
        if raw is not None and raw.family != socket.AF_UNIX:  # SMTP-12
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        try:
            replies = self._parser.feed(data)
        except ReplyError as error:
            self._fail("protocol", self._masked(str(error)))
            self.abort()
            return
        if self.listener and not self._observer:
            replies = self.listener.replied(replies)
        else:
            replies = self._show_and_tell(replies)
        if replies:
            self._replies.extend(map(self._without_secrets, replies))
            self._wake()

    def _show_and_tell(self, replies: Iterable[Reply]) -> list[Reply]:
        """Each reply is seen before what follows from it."""
        rest: list[Reply] = []
        for reply in replies:
            if self.listener:
                self._show_reply(reply)
                rest += self.listener.replied([reply])
            else:
                rest.append(reply)
        return rest

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("closed", str(exc) if exc else "")
        if self._timer:
            self._timer.cancel()

    def pause_writing(self) -> None:
        self.is_writable = False

    def resume_writing(self) -> None:
        self.is_writable = True
        if self.listener:
            self.listener.writable()

    # What a session calls ----------------------------------------------------------
    @property
    def usable(self) -> bool:
        """Whether another command makes sense: alive, and nothing said unasked."""
        return self._failure is None and not self._replies and not self._parser.rest

    @property
    def peer(self) -> str:
        return str((self._extra("peername") or ("",))[0])

    @property
    def local_address(self) -> str:
        return str((self._extra("sockname") or ("127.0.0.1",))[0])

    def _extra(self, name: str) -> tuple[object, ...] | None:
        assert self._transport
        found: tuple[object, ...] | None = self._transport.get_extra_info(name)
        return found

    async def reply(self, stage: Stage, timeout: float) -> Reply:
        """Wait for the next reply. Raise SmtpError."""
        self._stage = stage
        self.arm(timeout)
        while not self._replies:
            await self._wait()
        reply = self._replies.popleft()
        self._show_reply(reply)
        return reply

    async def command(
        self, line: str, *, stage: Stage, timeout: float, shown: str = ""
    ) -> Reply:
        """Send one line (``shown`` replaces it for the observer) and return the reply."""
        self.check_silence(stage)
        self.show("C", shown or line)
        self.write(line.encode() + b"\r\n")
        return await self.reply(stage, timeout)

    async def secure(self, context: ssl.SSLContext, host: str, timeout: float) -> None:
        """Go over to TLS. Raises ssl.SSLError, OSError, TimeoutError."""
        assert self._transport
        async with asyncio.timeout(timeout):
            transport = await self._loop.start_tls(
                self._transport,
                self,
                context,
                server_hostname=host,
                ssl_handshake_timeout=timeout + 1,  # ours comes first
            )
        if transport is None:
            raise ConnectionResetError("the connection ended during the handshake")
        self._transport = transport
        protocol = transport.get_extra_info("ssl_object")
        self.tls = (protocol.version() or "TLS") if protocol else "TLS"
        self.show("-", self.tls)

    @property
    def observed(self) -> bool:
        return self._observer is not None

    def show(self, kind: str, text: str) -> None:
        if self._observer:
            self._observer(kind, text)

    def abort(self) -> None:
        """Drop the connection; whoever waits on it gets SmtpError("closed")."""
        self._fail("closed", "")
        if self._transport:
            self._transport.abort()

    def check_silence(self, stage: Stage) -> None:
        """Refuse to go on after a line nobody asked for: its reply order is lost."""
        if self._replies:
            reply = self._replies.popleft()
            self._show_reply(reply)
            code = "closed" if reply.code == 421 else "protocol"
            self._fail(code, "a reply that nobody asked for")
            self.abort()
            raise SmtpError(code, stage=stage, reply=reply)
        if self._parser.rest:
            self._fail("protocol", "half a reply that nobody asked for")
            self.abort()
        if self._failure:
            raise self._failed_at(stage)

    def write(self, data: bytes) -> None:
        if self._failure:
            raise self._failed_at(self._stage)
        assert self._transport
        self._transport.write(data)

    def arm(self, timeout: float) -> None:
        """Move the deadline: so many seconds from now the connection has failed."""
        self._deadline = deadline = self._loop.time() + timeout
        if self._timer:
            if self._fires_at <= deadline:
                return
            self._timer.cancel()
        self._set_timer(deadline)

    # Inside ---------------------------------------------------------------------------
    def _failed_at(self, stage: Stage) -> SmtpError:
        assert self._failure
        return SmtpError(self._failure.code, stage=stage, text=self._failure.text)

    async def _wait(self) -> None:
        if self._failure:
            raise self._failed_at(self._stage)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, code: str, text: str) -> None:
        if self._failure is None:
            self._failure = SmtpError(code, stage=self._stage, text=text)
            if self.listener:
                self.listener.failed(self._failure)
        self._wake()

    def _set_timer(self, deadline: float) -> None:
        self._fires_at = deadline
        self._timer = self._loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self._waiter is None and self.listener is None:
            return
        if self._loop.time() < self._deadline:
            self._set_timer(self._deadline)
            return
        self._fail("timeout", "")
        self.abort()

    def _show_reply(self, reply: Reply) -> None:
        if not self._observer:
            return
        *first, last = reply.lines
        mark = f"{reply.enhanced} " if reply.enhanced else ""
        for line in first:
            self._observer("S", f"{reply.code}-{mark}{line}")
        self._observer("S", f"{reply.code} {mark}{last}")

    def _without_secrets(self, reply: Reply) -> Reply:
        if not self.secrets or reply.code == 334:  # a challenge must arrive unharmed
            return reply
        return Reply(
            code=reply.code,
            enhanced=reply.enhanced,
            lines=tuple(self._masked(line) for line in reply.lines),
        )

    def _masked(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return text


async def connect_wire(
    addresses: Collection[tuple[str, int]],
    *,
    timeout: float,
    observer: DialogueObserver | None,
) -> Wire:
    """Connect to the first address that answers. Raises OSError, TimeoutError."""
    loop = asyncio.get_running_loop()
    failure: OSError = OSError("no address")
    for host, port in addresses:
        wire = Wire(observer)
        wire.show("-", f"{host}:{port}")
        try:
            async with asyncio.timeout(timeout):
                # Bind the loop variable: the factory is called before the next turn.
                await loop.create_connection(lambda wire=wire: wire, host, port)  # type: ignore[misc]
        except OSError as error:  # TimeoutError is one
            failure = error
        else:
            return wire
    raise failure
