"""The sandbox's SMTP server: takes letters from anybody with a login, delivers none.

A login says whose letters they are (``credentials``).  250 is answered when a letter is
committed, never before; when the database is locked or away the answer is 451, and the
sender keeps the letter.  Logins travel without TLS: the server is for loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from django.db import Error, close_old_connections, connections
from django.utils import timezone

from pochtar.accounts.models import Workspace
from pochtar.sandbox.credentials import Login, check_login
from pochtar.sandbox.services import Arrival, store_letters
from pochtar.sandbox.writer import LetterRefused, Store, StoreAway, Writer

log = structlog.get_logger(__name__)

LETTER_BYTES = 25 * 1024 * 1024
LINE_BYTES = 1024 * 1024
RECIPIENTS = 100  # RFC 5321 §4.5.3.1.8: a server takes at least so many
SILENCE_SECONDS = 120
DRAIN_SECONDS = 1.4
ANSWER_SECONDS = 0.05

Exists = Callable[[UUID], bool]


def workspace_exists(workspace_id: UUID) -> bool:
    close_old_connections()
    return Workspace.objects.filter(pk=workspace_id).exists()


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    host: str
    port: int


class SandboxServer:
    """Listen from ``start`` to ``stop``; the stores are arguments for the tests' sake."""

    def __init__(
        self,
        *,
        store: Store = store_letters,
        exists: Exists = workspace_exists,
        hostname: str = "sandbox.pochtar",
    ) -> None:
        self.writer = Writer(store)
        self.hostname = hostname
        self.connections: set[Connection] = set()
        self._exists = exists
        self._lookups = ThreadPoolExecutor(max_workers=1, thread_name_prefix="login")
        self._tasks: list[asyncio.Task[None]] = []
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> Address:
        """Listen, and return where (a port of 0 means any free one)."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            functools.partial(_new_connection, self), host, port
        )
        self._tasks.append(asyncio.create_task(self.writer.run()))
        bound = self._server.sockets[0].getsockname()
        return Address(host=bound[0], port=bound[1])

    async def stop(self) -> None:
        """Take no more, answer for what is being stored, hang up."""
        if self._server is not None:
            self._server.close()
        with contextlib.suppress(TimeoutError):
            await self.writer.drain(DRAIN_SECONDS)
        await asyncio.sleep(ANSWER_SECONDS)  # those that waited say their 250

        for each in list(self.connections):
            each.hang_up()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._lookups.submit(connections.close_all)  # of that thread
        self._lookups.shutdown()
        self.writer.close()

    async def is_known(self, login: Login) -> bool:
        if login.workspace_id is None:
            return True
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._lookups, self._exists, login.workspace_id
        )


def _new_connection(server: SandboxServer) -> Connection:
    with warnings.catch_warnings():
        # "Requiring AUTH while not requiring TLS": on loopback, on purpose.
        warnings.simplefilter("ignore")
        return Connection(server)


class Connection(SMTP):
    """One program's conversation with us."""

    # RFC 5321 allows 1,000 bytes; servers take more, and so do programs send more.
    line_length_limit = LINE_BYTES

    def __init__(self, server: SandboxServer) -> None:
        self.server = server
        super().__init__(
            Handler(server.writer),
            data_size_limit=LETTER_BYTES,
            enable_SMTPUTF8=True,
            hostname=server.hostname,
            ident="Pochtar sandbox",
            timeout=SILENCE_SECONDS,
            auth_required=True,
            auth_require_tls=False,
            authenticator=_authenticate,
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.server.connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.server.connections.discard(self)
        super().connection_lost(error)

    def hang_up(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.write(b"421 4.3.2 The sandbox is being stopped\r\n")
            self.transport.close()

    async def auth_PLAIN(self, _: Any, args: list[str]) -> AuthResult:
        return await self._known(await super().auth_PLAIN(_, args))

    async def auth_LOGIN(self, _: Any, args: list[str]) -> AuthResult:
        return await self._known(await super().auth_LOGIN(_, args))

    async def _known(self, result: AuthResult) -> AuthResult:
        """Refuse the right password of a workspace that is no more."""
        login = result.auth_data
        if not result.success or not isinstance(login, Login):
            return result
        try:
            known = await self.server.is_known(login)
        except Error as error:
            log.warning("login_not_checked", error=str(error))
            text = "454 4.7.0 The sandbox cannot check logins now, try again"
            return AuthResult(success=False, handled=False, message=text)
        return result if known else AuthResult(success=False, handled=False)


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    login = None
    if isinstance(data, LoginPassword):
        with contextlib.suppress(UnicodeDecodeError):
            login = check_login(data.login.decode(), data.password.decode())
    return AuthResult(success=login is not None, handled=False, auth_data=login)


class Handler:
    """What aiosmtpd asks about each envelope."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def handle_EHLO(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        answers: list[str],
    ) -> list[str]:
        session.host_name = hostname
        # Commands are read one after the other, so several at once do no harm.
        return [*answers[:-1], "250-PIPELINING", answers[-1]]

    async def handle_RCPT(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if len(envelope.rcpt_tos) >= RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        try:
            await self._writer.keep(_arrival(session, envelope))
        except StoreAway:
            return "451 4.3.0 The sandbox cannot store letters now, try again"
        except LetterRefused:
            return "554 5.6.0 The sandbox cannot store this letter"
        return "250 2.0.0 OK, kept in the sandbox"

    async def handle_exception(self, error: Exception) -> str:
        log.error("conversation_failed", exc_info=error)
        return "451 4.3.0 The sandbox stumbled, try again"


def _arrival(session: Session, envelope: Envelope) -> Arrival:
    login: Any = session.auth_data
    raw: Any = envelope.content
    # The library asks for a login first, and hands bytes over as they came.
    assert isinstance(login, Login)
    assert isinstance(raw, bytes)
    mail_from = envelope.mail_from or ""
    return Arrival(
        workspace_id=login.workspace_id,
        mail_from="" if mail_from == "<>" else mail_from,
        rcpt_to=tuple(dict.fromkeys(envelope.rcpt_tos)),
        raw=raw,
        received_at=timezone.now(),
    )


async def serve(
    host: str, port: int, *, stopping: asyncio.Event, ready: Callable[[Address], None]
) -> None:
    """Run the sandbox until ``stopping`` is set; OSError when the port is taken."""
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    server = SandboxServer()
    ready(await server.start(host, port))
    await stopping.wait()
    await server.stop()
