"""Server replies: bytes in, ``Reply`` out (RFC 5321 §4.2).

Rules it guards (SMTP-05): any code; lines may end in a bare LF; bytes that are not
UTF-8, and control characters, are kept as backslash escapes, so that a reply can be
stored and shown; every line of one reply has the same code; a reply past 64 KB is
refused instead of filling the memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["MAX_REPLY_BYTES", "Reply", "ReplyError", "ReplyParser"]

MAX_REPLY_BYTES = 64 * 1024
KNOWN_LINES = 32

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:[ \t]+|$)")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_QUEUE_ID = re.compile(
    r"""queued\ (?:on\ \S+\ )?as\ ([\w.:/+=@-]+)   # Postfix, Yandex, Haraka
      | \bid=([\w.:/+=@-]+)                  # Exim
      | ^(?:OK|Ok)\s+([\w.-]{12,})(?:\s|$)   # Amazon SES, Gmail
      | ^([\w.-]{6,})\ Message\ accepted     # Sendmail
    """,
    re.VERBOSE,
)


class ReplyError(ValueError):
    """The server's bytes are no SMTP reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply. ``lines`` hold the text without the basic and the enhanced code."""

    code: int
    enhanced: str = ""
    lines: tuple[str, ...] = ("",)

    @property
    def text(self) -> str:
        return " ".join(self.lines)

    @property
    def ok(self) -> bool:
        return 200 <= self.code < 300

    @property
    def temporary(self) -> bool:
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        return self.code >= 500

    @property
    def queue_id(self) -> str:
        """The server's name for the letter, where the text has one."""
        found = _QUEUE_ID.search(self.text)
        return found[found.lastindex or 0][:64] if found else ""

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.enhanced, self.text)))


class ReplyParser:
    """Collects bytes and gives out whole replies; ``rest`` is what is not one yet."""

    def __init__(self) -> None:
        self._buffer = b""
        self._code = b""
        self._lines: list[bytes] = []
        self._size = 0
        # Servers say the same few lines to every letter: reading them costs more than
        # all the rest of a letter's dialogue.
        self._known: dict[bytes, Reply] = {}

    @property
    def rest(self) -> bool:
        """Whether part of a reply has arrived."""
        return bool(self._buffer or self._lines)

    def feed(self, data: bytes) -> list[Reply]:
        """Take bytes in; return the replies they complete. Raise ReplyError."""
        replies = []
        lines = (self._buffer + data).split(b"\n")
        self._buffer = lines.pop()
        for line in lines:
            known = self._known.get(line)
            if known and not self._lines:
                replies.append(known)
                continue
            self._size += len(line) + 1
            self._check_size(0)
            alone = not self._lines
            reply = self._take(line.removesuffix(b"\r"))
            if reply:
                replies.append(reply)
                if alone and len(self._known) < KNOWN_LINES:
                    self._known[line] = reply
        self._check_size(len(self._buffer))
        return replies

    def _check_size(self, extra: int) -> None:
        if self._size + extra > MAX_REPLY_BYTES:
            raise ReplyError(f"a reply of more than {MAX_REPLY_BYTES} bytes")

    def _take(self, line: bytes) -> Reply | None:
        found = _LINE.fullmatch(line)
        if not found:
            raise ReplyError(f"not a reply: {_readable(line[:200])}")
        code, mark, text = found.groups(default=b"")
        if self._lines and code != self._code:
            raise ReplyError(f"codes {self._code!r} and {code!r} in one reply")
        self._code = code
        self._lines.append(text)
        if mark == b"-":
            return None
        lines, self._lines, self._size = self._lines, [], 0
        return _reply(int(code), [_readable(line) for line in lines])


def _reply(code: int, lines: list[str]) -> Reply:
    found = _ENHANCED.match(lines[0])
    if not found or found[1][0] != str(code)[0]:
        return Reply(code=code, lines=tuple(lines))
    enhanced = found[1]
    return Reply(
        code=code,
        enhanced=enhanced,
        lines=tuple(
            line[match.end() :]
            if (match := _ENHANCED.match(line)) and match[1] == enhanced
            else line
            for line in lines
        ),
    )


def _readable(line: bytes) -> str:
    text = line.decode("utf-8", "backslashreplace").strip()
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
