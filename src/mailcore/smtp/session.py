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
import base64
import ipaddress
import math
import secrets
import socket
import ssl
from typing import NoReturn

from mailcore.smtp.auth import (
    AuthError,
    Mechanism,
    choose_mechanism,
    decode_challenge,
    plain_response,
    secret_forms,
)
from mailcore.smtp.bearer import choose_bearer, token_forms, token_status
from mailcore.smtp.commands import (
    Capabilities,
    helo_argument,
    parse_capabilities,
)
from mailcore.smtp.discretion import Discretion, mask
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
        discretion = Discretion(observer) if observer else None
        session = cls(route, await _open_wire(route, discretion), discretion)
        try:
            await session._greet()
        except BaseException:
            session.abort()
            raise
        session._stream = Stream(
            session._wire,
            session.capabilities,
            route.timeouts,
            pipelining=pipelining,
        )
        return session

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
            await self._authenticate()

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

    async def _authenticate(self) -> None:
        route = self.route
        if not self.tls and not (
            route.tls is TlsMode.NONE and self._plaintext_allowed()
        ):
            raise SmtpError("auth_needs_tls", stage=Stage.AUTH)
        if route.tokens:
            await self._present_token(route.tokens)
        else:
            await self._give_password()
        self._hide(frozenset())

    async def _give_password(self) -> None:
        username, password = self.route.username, self.route.password
        self._hide(secret_forms(password, plain_response(username, password)))
        nonce = secrets.token_urlsafe(18)
        await self._log_in(
            choose_mechanism(self.capabilities.auth, username, password, nonce)
        )

    async def _present_token(self, tokens: TokenSource) -> None:
        """Log in with an access token; with a fresh one if the server refuses it."""
        self._choose_bearer("")  # before anybody is asked for a token
        token = await tokens.access_token()
        try:
            await self._log_in(self._choose_bearer(token))
        except SmtpError as error:
            if error.code != "token_refused" or not self._wire.usable:
                raise
            fresh = await tokens.access_token(refused=token)
            if fresh == token:
                raise
            await self._log_in(self._choose_bearer(fresh))

    def _choose_bearer(self, token: str) -> Mechanism:
        route = self.route
        host, port = route.host, route.port
        self._hide(token_forms(route.username, token, host=host, port=port))
        offered = self.capabilities.auth
        chosen = choose_bearer(offered, route.username, token, host=host, port=port)
        return chosen or self._nothing_in_common()

    def _hide(self, forms: frozenset[str]) -> None:
        """Keep these out of what is shown and of what becomes an error."""
        self._wire.secrets = forms
        if self._discretion:
            self._discretion.secrets = forms

    def _nothing_in_common(self) -> NoReturn:
        offered = " ".join(sorted(self.capabilities.auth))
        code = "token_unsupported" if self.route.tokens else "auth_unsupported"
        raise SmtpError(code, stage=Stage.AUTH, text=offered)

    async def _log_in(self, mechanism: Mechanism | None) -> None:
        if mechanism is None:
            self._nothing_in_common()
        initial = next(mechanism.exchange)
        response = "" if initial is None else f" {_base64(initial)}"
        reply = await self._command(
            f"AUTH {mechanism.name}{response}",
            Stage.AUTH,
            shown=f"AUTH {mechanism.name}{' ***' if response else ''}",
        )
        await self._judge_login(mechanism, reply)

    async def _judge_login(self, mechanism: Mechanism, reply: Reply) -> None:
        """Answer the challenges, and read what came of the login."""
        challenges, complaint = 0, ""
        try:
            while reply.code == 334:
                challenges += 1
                challenge = decode_challenge(reply.text)
                if mechanism.bearer:
                    complaint = mask(token_status(challenge), self._wire.secrets)
                answer = mechanism.exchange.send(challenge) or b""
                reply = await self._command(_base64(answer), Stage.AUTH, shown="***")
        except (AuthError, StopIteration) as error:
            raise SmtpError("protocol", stage=Stage.AUTH, text=str(error)) from error
        if reply.permanent:
            code = "token_refused" if mechanism.bearer else "auth_refused"
            raise SmtpError(code, stage=Stage.AUTH, reply=reply, text=complaint)
        if reply.temporary:
            raise SmtpError("auth_deferred", stage=Stage.AUTH, reply=reply)
        if reply.code != 235 or challenges < mechanism.challenges:
            raise SmtpError("protocol", stage=Stage.AUTH, reply=reply)

    def _plaintext_allowed(self) -> bool:
        return self.route.allow_plaintext or _is_loopback(self.peer)

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


def _is_loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
