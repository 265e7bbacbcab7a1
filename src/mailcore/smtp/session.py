"""An SMTP session: one connection, from the greeting to QUIT (RFC 5321).

1. connect to the first address of the host that answers, TLS at once if implicit;
2. greeting, EHLO (HELO only after a 5xx), STARTTLS and EHLO again, AUTH;
3. the letters (stream.py);
4. QUIT.

What it guards: no AUTH before TLS; nothing in plaintext where TLS was demanded; no
byte that arrived before TLS is believed after it; a letter is "in doubt" from the
moment its final dot is written until the reply to it is read (SMTP-24).
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl

from mailcore.smtp.commands import (
    Capabilities,
    helo_argument,
    parse_capabilities,
)
from mailcore.smtp.discretion import Discretion
from mailcore.smtp.login import Login
from mailcore.smtp.replies import Reply
from mailcore.smtp.route import (
    DialogueObserver,
    Envelope,
    Outcome,
    Route,
    SmtpError,
    Stage,
    Timeouts,
    TlsMode,
    TokenSource,
)
from mailcore.smtp.stream import Feed, OneLetter, Stream
from mailcore.smtp.wire import Wire, connect_wire

__all__ = [
    "DialogueObserver",
    "Envelope",
    "Outcome",
    "Route",
    "Session",
    "SmtpError",
    "Stage",
    "Timeouts",
    "TlsMode",
    "TokenSource",
]


class Session:
    """A live session with a relay. Not for two letters at once."""

    def __init__(
        self, route: Route, wire: Wire, discretion: Discretion | None = None
    ) -> None:
        self.route = route
        self.capabilities = Capabilities()
        self.opened_at = asyncio.get_running_loop().time()
        self._wire = wire
        self._discretion = discretion
        self._login: Login | None = None
        self._stream: Stream

    @classmethod
    async def connect(
        cls,
        route: Route,
        *,
        observer: DialogueObserver | None = None,
        pipelining: bool = True,
    ) -> Session:
        """Open a session that is ready for letters. Raise SmtpError.

        ``pipelining`` False is for a server that offers it and cannot do it.
        """
        return await cls._greeted(route, observer, pipelining, last=False)

    @classmethod
    async def _greeted(
        cls,
        route: Route,
        observer: DialogueObserver | None,
        pipelining: bool,
        *,
        last: bool,
    ) -> Session:
        """Open a session and log in; once more if a fresh token is to be had.

        Over a new connection: not every server lets us try again on the old one.
        """
        discretion = Discretion(observer) if observer else None
        session = cls(route, await _open_wire(route, discretion), discretion)
        try:
            await session._greet()
        except SmtpError as error:
            session.abort()
            if last or error.code != "token_refused" or not session._login:
                raise
            if not await session._login.has_fresh_token():
                raise
        except BaseException:
            session.abort()
            raise
        else:
            session._begin(pipelining)
            return session
        return await cls._greeted(route, observer, pipelining, last=True)

    # What is known about the other side -----------------------------------------------
    @property
    def usable(self) -> bool:
        return self._wire.usable

    @property
    def peer(self) -> str:
        return self._wire.peer

    @property
    def tls(self) -> str:
        """The TLS version, "" without TLS."""
        return self._wire.tls

    def _begin(self, pipelining: bool) -> None:
        wire, timeouts = self._wire, self.route.timeouts
        self._stream = Stream(wire, self.capabilities, timeouts, pipelining=pipelining)

    # Opening ----------------------------------------------------------------------------
    async def _greet(self) -> None:
        timeouts = self.route.timeouts
        if self.route.tls is TlsMode.IMPLICIT:
            await self._secure()
        greeting = await self._wire.reply(Stage.GREETING, timeouts.greeting)
        if not greeting.ok:
            raise SmtpError("refused", stage=Stage.GREETING, reply=greeting)
        await self._hello()
        if self.route.tls in (TlsMode.STARTTLS, TlsMode.OPPORTUNISTIC):
            await self._starttls()
        if self.route.username:
            self._login = Login(
                self.route, self._wire, self.capabilities.auth, self._discretion
            )
            await self._login.run()

    async def _hello(self) -> None:
        name = helo_argument(self.route.helo_name, self._wire.local_address)
        reply = await self._command(f"EHLO {name}", Stage.EHLO)
        if reply.permanent:
            self.capabilities = Capabilities()
            reply = await self._command(f"HELO {name}", Stage.EHLO)
        elif reply.ok:
            self.capabilities = parse_capabilities(reply)
        if not reply.ok:
            raise SmtpError("refused", stage=Stage.EHLO, reply=reply)

    async def _starttls(self) -> None:
        required = self.route.tls is TlsMode.STARTTLS
        if "STARTTLS" not in self.capabilities:
            if required:
                raise SmtpError("tls_unavailable", stage=Stage.STARTTLS)
            return
        reply = await self._command("STARTTLS", Stage.STARTTLS)
        if not reply.ok:
            if required:
                raise SmtpError("tls_unavailable", stage=Stage.STARTTLS, reply=reply)
            return
        if not self._wire.usable:
            # Somebody put commands behind the 220 to have them believed after TLS.
            raise SmtpError("protocol", stage=Stage.STARTTLS, text="injected reply")
        await self._secure()
        self.capabilities = Capabilities()  # RFC 3207 §4.2: forget what was said before
        await self._hello()

    async def _secure(self) -> None:
        route = self.route
        context = route.ssl_context or default_context()
        if route.tls is TlsMode.OPPORTUNISTIC and not route.username:
            context = (
                _unverified_context()
            )  # better than plaintext, and no secret in it
        try:
            await self._wire.secure(context, route.host, route.timeouts.tls)
        except ssl.SSLCertVerificationError as error:
            raise SmtpError(
                "tls_verify_failed",
                stage=Stage.STARTTLS,
                text=error.verify_message or str(error),
            ) from error
        except TimeoutError as error:
            raise SmtpError("timeout", stage=Stage.STARTTLS) from error
        except OSError as error:  # ssl.SSLError is one
            raise SmtpError(
                "tls_failed", stage=Stage.STARTTLS, text=str(error)
            ) from error

    # Letters ------------------------------------------------------------------------------
    @property
    def sent(self) -> int:
        """How many letters had their dot answered."""
        return self._stream.sent

    @property
    def pipelining(self) -> bool:
        """Whether commands leave together."""
        return self._stream.pipelining

    async def send(self, envelope: Envelope) -> Outcome:
        """Hand one letter over. Raise SmtpError when the session cannot go on."""
        one = OneLetter(envelope)
        await self.stream(one, letters=1, seconds=math.inf)
        assert one.outcome
        return one.outcome

    async def stream(self, feed: Feed, *, letters: int, seconds: float) -> None:
        """Hand over what the feed has, within these limits (see Stream.run)."""
        await self._stream.run(feed, letters=letters, seconds=seconds)

    async def _command(self, line: str, stage: Stage, shown: str = "") -> Reply:
        timeout: float = getattr(self.route.timeouts, _TIMEOUT[stage])
        return await self._wire.command(line, stage=stage, timeout=timeout, shown=shown)

    # Closing ------------------------------------------------------------------------------
    async def quit(self) -> None:
        """Say QUIT and close; never raises for what the server does."""
        try:
            await self._command("QUIT", Stage.QUIT)
        except SmtpError:
            pass  # it is gone already, which is what we wanted
        finally:
            self._wire.abort()

    def abort(self) -> None:
        """Drop the connection at once; a waiting ``send`` raises SmtpError."""
        self._wire.abort()


_TIMEOUT = {stage: stage.value for stage in Stage} | {Stage.STARTTLS: "tls"}


async def _open_wire(route: Route, observer: DialogueObserver | None) -> Wire:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(route.timeouts.connect):
            found = await loop.getaddrinfo(
                route.host, route.port, type=socket.SOCK_STREAM
            )
    except (socket.gaierror, UnicodeError) as error:
        raise SmtpError("dns", stage=Stage.CONNECT, text=str(error)) from error
    except TimeoutError as error:
        raise SmtpError("dns", stage=Stage.CONNECT, text="timeout") from error
    addresses = list(dict.fromkeys((str(row[4][0]), route.port) for row in found))
    for address, _port in addresses:
        if route.check_peer:
            route.check_peer(address)
    try:
        return await connect_wire(
            addresses, timeout=route.timeouts.connect, observer=observer
        )
    except ConnectionRefusedError as error:
        raise SmtpError("connect_refused", stage=Stage.CONNECT) from error
    except TimeoutError as error:
        raise SmtpError("timeout", stage=Stage.CONNECT) from error
    except OSError as error:
        raise SmtpError(
            "unreachable", stage=Stage.CONNECT, text=error.strerror or str(error)
        ) from error


def default_context() -> ssl.SSLContext:
    """Verify the chain and the host name, TLS 1.2 or newer (SMTP-02)."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _unverified_context() -> ssl.SSLContext:
    context = default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
