"""What a session is told, and what it answers: plain values, no sockets.

A refusal is a value (``Outcome``); a broken connection, a refused login or a server
that talks nonsense is an ``SmtpError`` with the stage where it happened.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from mailcore.smtp.replies import Reply

__all__ = [
    "DialogueObserver",
    "Envelope",
    "Outcome",
    "Route",
    "SmtpError",
    "Stage",
    "Timeouts",
    "TlsMode",
    "TokenSource",
]

# Called with "C", "S" or "-" (a remark) and the line, secrets replaced by ***.
DialogueObserver = Callable[[str, str], None]


class TlsMode(StrEnum):
    """How the connection is protected (SMTP-02)."""

    IMPLICIT = "implicit"  # TLS from the first byte (port 465)
    STARTTLS = "starttls"  # required: without it nothing is sent
    OPPORTUNISTIC = "opportunistic"  # if the server offers it
    NONE = "none"


class Stage(StrEnum):
    """Where in the dialogue something happened (SMTP-17)."""

    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"  # the message itself, up to the reply to the final dot
    QUIT = "quit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds to wait, RFC 5321 §4.5.3.2 or more (SMTP-04).

    A short ``dot`` makes duplicates: the server has the letter and we do not know.
    """

    connect: float = 30
    greeting: float = 300
    ehlo: float = 300
    tls: float = 60
    auth: float = 120
    mail: float = 300
    rcpt: float = 300
    data: float = 120
    block: float = 180
    dot: float = 600
    quit: float = 5


class TokenSource(Protocol):
    """Where access tokens come from, for a login with OAuth 2.

    Two sources are equal if what one session was opened with may serve the other.
    """

    async def access_token(self, *, refused: str = "") -> str:
        """Return a token; another one than ``refused`` if that is to be had.

        Raise SmtpError.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A relay: where it stands, how to speak with it, who we are."""

    host: str
    port: int
    tls: TlsMode = TlsMode.STARTTLS
    username: str = ""
    password: str = field(default="", repr=False)
    tokens: TokenSource | None = None  # instead of the password
    # A full domain name; anything else is replaced by an address literal (SMTP-01).
    helo_name: str = ""
    timeouts: Timeouts = Timeouts()
    ssl_context: ssl.SSLContext | None = None
    # Says that login and letters may cross a network unprotected. Loopback always may.
    allow_plaintext: bool = False
    # Called with the address about to be connected to; raises SmtpError to refuse it.
    check_peer: Callable[[str], None] | None = None


# One of each is made for every letter: a frozen one takes three times as long to make.
@dataclass(slots=True, kw_only=True)
class Envelope:
    """One letter for one recipient, as bytes in wire form (CRLF, no dot-stuffing)."""

    mail_from: str
    rcpt_to: str
    data: bytes
    smtputf8: bool = False
    # Whether the data is as our composer writes it: 7-bit, and no line begins with a
    # dot.  Then nobody needs to look (MSG-03, MSG-06).
    clean: bool = False
    # Our name for the letter in reports about it (ENVID, RFC 3461); "" asks for none.
    envid: str = ""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What the server answered to a letter, or why we did not ask it.

    ``code`` is "" when a server spoke; else ours, and nothing went on the wire:
    too_big, eai_unsupported, bad_address, needs_8bit.
    """

    stage: Stage
    reply: Reply | None = None
    code: str = ""

    @property
    def accepted(self) -> bool:
        return self.stage is Stage.BODY and self.reply is not None and self.reply.ok


class SmtpError(Exception):
    """The session cannot go on.

    ``code`` is stable: connect_refused, unreachable, dns, timeout, closed, protocol,
    refused, tls_failed, tls_verify_failed, tls_unavailable, auth_refused,
    auth_deferred, auth_unsupported, auth_needs_tls, token_refused,
    token_unsupported, address_forbidden.
    ``in_doubt`` says that the letter in hand may have been taken (SMTP-24).
    """

    def __init__(
        self,
        code: str,
        *,
        stage: Stage,
        text: str = "",
        reply: Reply | None = None,
        in_doubt: bool = False,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.stage = stage
        self.text = text
        self.reply = reply
        self.in_doubt = in_doubt

    def __str__(self) -> str:
        return f"{self.code} at {self.stage.value}" + (
            f": {self.detail}" if self.detail else ""
        )

    @property
    def detail(self) -> str:
        """What the server said, and what else is known of it."""
        said = str(self.reply) if self.reply else ""
        return " – ".join(part for part in (said, self.text) if part)
