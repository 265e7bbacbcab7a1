"""Command lines and capabilities: text in, text out, nothing on the wire yet.

Rules: no argument with CR, LF, NUL, ``<``, ``>`` or a space in an address ever
becomes a command (SMTP-08); SIZE and SMTPUTF8 are checked before the first byte
(SMTP-06, MSG-12).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

from mailcore.smtp.replies import Reply
from mailcore.smtp.route import Envelope, Outcome, Stage

__all__ = [
    "Capabilities",
    "Opening",
    "body_bytes",
    "helo_argument",
    "parse_capabilities",
]

_FORBIDDEN = re.compile("[\x00-\x20\x7f-\x9f<>\u2028\u2029]")
_XTEXT = re.compile("[^!-*,-<>-~]")  # all but printable ASCII without + and =
_UNITEXT = re.compile(r"[^!-*,-<>-\[\]-~]")
_DOMAIN = re.compile(
    r"(?=.{4,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+(?=[0-9-]*[a-z])[a-z0-9-]{2,63}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the server offered in its last EHLO reply (none after HELO)."""

    keywords: frozenset[str] = frozenset()
    auth: frozenset[str] = frozenset()
    size: int = 0  # 0 = no limit stated
    lines: tuple[str, ...] = field(default=(), repr=False)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords


def parse_capabilities(reply: Reply) -> Capabilities:
    """Read an EHLO reply; unknown and malformed lines are left alone."""
    keywords, auth, size = set(), set(), 0
    for line in reply.lines[1:]:
        # "AUTH=LOGIN PLAIN" is an old form that some servers still send.
        keyword, *arguments = line.upper().replace("AUTH=", "AUTH ", 1).split() or [""]
        keywords.add(keyword)
        if keyword == "AUTH":
            auth.update(arguments)
        elif keyword == "SIZE" and arguments and arguments[0].isdecimal():
            size = int(arguments[0][:18])
    return Capabilities(
        keywords=frozenset(keywords),
        auth=frozenset(auth),
        size=size,
        lines=reply.lines[1:],
    )


def helo_argument(name: str, local_address: str) -> str:
    """Return ``name`` if it is a full domain name, else the address literal (SMTP-01)."""
    if _DOMAIN.fullmatch(name) and not name.lower().endswith(".localhost"):
        return name
    address = ipaddress.ip_address(local_address.partition("%")[0])
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


class Opening:
    """What opens a letter's transaction with one server: MAIL and RCPT."""

    def __init__(self, capabilities: Capabilities) -> None:
        # Asked for every letter: no look-up then.
        self._size = capabilities.size
        self._takes_size = "SIZE" in capabilities
        self._takes_utf8 = "SMTPUTF8" in capabilities
        self._takes_8bit = "8BITMIME" in capabilities
        self._takes_dsn = "DSN" in capabilities
        self._sender: str | None = None  # the last one that was looked at

    def refuse(self, envelope: Envelope) -> Outcome | None:
        """Return an outcome if this letter cannot be offered to this server at all."""
        if envelope.mail_from != self._sender:  # the null sender is allowed
            if _FORBIDDEN.search(envelope.mail_from):
                return Outcome(stage=Stage.MAIL, code="bad_address")
            self._sender = envelope.mail_from
        if not envelope.rcpt_to or _FORBIDDEN.search(envelope.rcpt_to):
            return Outcome(stage=Stage.RCPT, code="bad_address")
        if not self._takes_utf8 and needs_smtputf8(envelope):
            return Outcome(stage=Stage.RCPT, code="eai_unsupported")
        if self._size and len(envelope.data) > self._size:
            return Outcome(stage=Stage.MAIL, code="too_big")
        if not self._takes_8bit and not is_7bit(envelope):
            return Outcome(stage=Stage.MAIL, code="needs_8bit")
        return None

    def lines(self, envelope: Envelope) -> tuple[str, str]:
        """Return the two commands, without their line ends."""
        mail = f"MAIL FROM:<{envelope.mail_from}>"
        rcpt = f"RCPT TO:<{envelope.rcpt_to}>"
        if self._takes_size:
            mail += f" SIZE={len(envelope.data)}"
        if needs_smtputf8(envelope):
            mail += " SMTPUTF8"
        if not envelope.clean and self._takes_8bit and not is_7bit(envelope):
            mail += " BODY=8BITMIME"
        if self._takes_dsn and envelope.envid:
            # A report is asked for failures and delays, never for successes (SMTP-07).
            mail += f" RET=HDRS ENVID={xtext(envelope.envid)}"
            address = original_recipient(envelope.rcpt_to)
            rcpt += f" NOTIFY=FAILURE,DELAY ORCPT={address}"
        return mail, rcpt


def needs_smtputf8(envelope: Envelope) -> bool:
    return envelope.smtputf8 or not (
        envelope.mail_from.isascii() and envelope.rcpt_to.isascii()
    )


def is_7bit(envelope: Envelope) -> bool:
    return envelope.clean or envelope.data.isascii()


def xtext(text: str) -> str:
    """Encode by RFC 3461 section 4; what is not ASCII becomes "?", as in no id of ours."""
    if not _XTEXT.search(text):  # as any id of ours
        return text
    return _XTEXT.sub(
        lambda found: f"+{ord(found[0]):02X}", text.encode("ascii", "replace").decode()
    )


def original_recipient(address: str) -> str:
    """Return the ORCPT value: rfc822 for ASCII, else RFC 6533's utf-8-addr-xtext."""
    if address.isascii():
        return f"rfc822;{xtext(address)}"
    escaped = _UNITEXT.sub(lambda found: f"\\x{{{ord(found[0]):X}}}", address)
    return f"utf-8;{escaped}"


def body_bytes(data: bytes) -> bytes:
    """Return the message as it goes on the wire: dots stuffed, final dot (MSG-06)."""
    if data.startswith(b"."):
        data = b"." + data
    if b"\n." in data:
        data = data.replace(b"\r\n.", b"\r\n..")
    return data + (b".\r\n" if data.endswith(b"\r\n") else b"\r\n.\r\n")
