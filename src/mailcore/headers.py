"""Write header fields: RFC 5322 with RFC 2047, one field at a time, CRLF at the end.

1. Refuse what could end the field or hide in it (MSG-20).  Nothing is stripped.
2. Unstructured text and display names: plain ASCII as it is, folded at spaces; all else
   as base64 encoded-words, cut between characters that a reader sees as one (MSG-18).
3. Structured values (addresses, Message-ID) are never encoded (MSG-19).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from unicodedata import category

from mailcore.addresses import AddressError, parse_address

__all__ = [
    "HeaderError",
    "Mailbox",
    "check_value",
    "date_field",
    "extra_field",
    "mailbox_field",
    "make_message_id",
    "message_id_field",
    "phrase_field",
    "text_field",
]

LINE = 78
ENCODED_LINE = 76  # RFC 2047 section 2
LONGEST_LINE = 998

_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_PHRASE = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
)
_FIELD_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+>")
_RESERVED = re.compile(
    r"""(?: from | sender | to | cc | bcc | subject | date | message-id | return-path
        | received | authentication-results | mime-version | feedback-id | reply-to
        | x-originating-ip | x-mailer | user-agent | precedence | x-mailru-msgtype
        | (?: dkim | arc | content | list | resent | x-pochtar ) - .* )""",
    re.VERBOSE | re.IGNORECASE,
)
# Text in which every character stands for itself: ASCII, Latin, Greek, Cyrillic, signs.
_SIMPLE = re.compile(
    "[ -\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20c0\u2100-\u214f]+"
)
_JOINER = "\u200d"
_FLAG_LETTERS = ("\U0001f1e6", "\U0001f1ff")
_SKIN_TONES = ("\U0001f3fb", "\U0001f3ff")
_TAG_LETTERS = ("\U000e0020", "\U000e007f")  # England's flag and its like
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


class HeaderError(ValueError):
    """The value cannot stand in the header field that ``header`` names."""

    def __init__(self, header: str, reason: str) -> None:
        super().__init__(f"{header}: {reason}")
        self.header = header


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    name: str
    address: str


def check_value(header: str, value: str, *, tab: bool = False) -> None:
    """Raise `HeaderError` for a control character or a line break of any kind."""
    if _CONTROL.search(value) or ("\t" in value and not tab):
        raise HeaderError(header, "control character or line break")


def text_field(header: str, value: str) -> bytes:
    """Return an unstructured field, such as Subject."""
    check_value(header, value, tab=True)
    if not value:
        return f"{header}:\r\n".encode("ascii")
    if not value.isascii() and _SIMPLE.fullmatch(value):  # the common case, quickly
        room = _bytes_in(ENCODED_LINE - len(header) - 2)
        lines = "\r\n ".join(_simple_words(value.encode(), room=room))
        return f"{header}: {lines}\r\n".encode("ascii")
    words = _text_words(value, first=ENCODED_LINE - len(header) - 2)
    return _fold(header, words)


def mailbox_field(header: str, mailbox: Mailbox, *, smtputf8: bool = False) -> bytes:
    """Return a field with one address; the domain becomes A-labels."""
    check_value(header, mailbox.name)
    try:
        address = parse_address(mailbox.address)
    except AddressError as error:
        raise HeaderError(header, f"no address: {error.code}") from error
    if address.smtputf8 and not smtputf8:
        raise HeaderError(header, "the address needs SMTPUTF8")
    name = mailbox.name.strip(" ")
    if not name:
        return _fold(header, [address.envelope])
    words = _phrase_words(name, first=ENCODED_LINE - len(header) - 2)
    return _fold(header, [*words, f"<{address.envelope}>"])


def phrase_field(header: str, name: str, token: str) -> bytes:
    """Return ``name <token>``: a display name, and a token that is written as it is."""
    check_value(header, name)
    name = name.strip(" ")
    words = _phrase_words(name, first=ENCODED_LINE - len(header) - 2) if name else []
    return _fold(header, [*words, f"<{token}>"])


def date_field(date: datetime) -> bytes:
    """Return the Date field with a numeric zone; the time must know its own."""
    offset = date.utcoffset()
    if offset is None:
        raise ValueError("a letter's date needs a time zone")
    minutes = int(offset.total_seconds()) // 60
    return _date_line(date.replace(microsecond=0, tzinfo=None), minutes)


@lru_cache(maxsize=64)  # many letters are written within one second
def _date_line(date: datetime, minutes: int) -> bytes:
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    month = _MONTHS[date.month * 3 - 3 : date.month * 3]
    return (
        f"Date: {_DAYS[date.weekday()]}, {date.day:02} {month} "
        f"{date.year:04} {date:%H:%M:%S} {sign}{hours:02}{rest:02}\r\n"
    ).encode("ascii")


def message_id_field(message_id: str) -> bytes:
    if len(message_id) > 250 or not _MESSAGE_ID.fullmatch(message_id):
        raise HeaderError("Message-ID", "not of the form <unique@domain>")
    return f"Message-ID: {message_id}\r\n".encode("ascii")


def extra_field(header: str, value: str) -> bytes:
    """Return a field of somebody's own; those that we write are refused (MSG-20)."""
    if not _FIELD_NAME.fullmatch(header):
        raise HeaderError(header, "not a header field name")
    if _RESERVED.fullmatch(header):
        raise HeaderError(header, "this field is written by the service itself")
    return text_field(header, value)


def make_message_id(delivery: str, *, key: bytes, domain: str) -> str:
    """Return the Message-ID of a delivery: unguessable, and the same on every try."""
    tag = blake2b(delivery.encode(), key=key, digest_size=16, person=b"message-id")
    return f"<{tag.hexdigest()}@{domain}>"


def _text_words(value: str, *, first: int) -> Iterable[str]:
    if _PLAIN.fullmatch(value) and "=?" not in value:
        words = value.split(" ")
        if max(map(len, words)) <= LONGEST_LINE - LINE:
            return words
    return _encoded_words(value, first=first)


def _phrase_words(name: str, *, first: int) -> Iterable[str]:
    """An RFC 5322 phrase: atoms, else a quoted string, else encoded-words."""
    if "=?" in name or not _PLAIN.fullmatch(name) or len(name) > first - 2:
        return _encoded_words(name, first=first)
    if _PHRASE.fullmatch(name):
        return name.split(" ")
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return [f'"{quoted}"']


def _encoded_words(value: str, *, first: int) -> Iterator[str]:
    if _SIMPLE.fullmatch(value):
        yield from _simple_words(value.encode(), room=_bytes_in(first))
        return
    room = _bytes_in(first)
    word = b""
    for piece in _pieces(value, longest=_FULL_WORD):
        if word and len(word) + len(piece) > room:
            yield _encoded_word(word)
            word, room = b"", _FULL_WORD
        word += piece
    yield _encoded_word(word)


def _simple_words(text: bytes, *, room: int) -> Iterator[str]:
    """Cut wherever a character begins."""
    start = 0
    while len(text) - start > room:
        end = start + room
        while text[end] & 0xC0 == 0x80:
            end -= 1
        yield _encoded_word(text[start:end])
        start, room = end, _FULL_WORD
    yield _encoded_word(text[start:])


def _pieces(value: str, *, longest: int) -> Iterator[bytes]:
    """Yield what must not be cut; a cluster too long for any word is cut by character."""
    for cluster in _clusters(value):
        encoded = cluster.encode()
        if len(encoded) <= longest:
            yield encoded
        else:
            yield from (character.encode() for character in cluster)


def _clusters(value: str) -> Iterator[str]:
    """Cut the text into what a reader sees as single characters."""
    cluster = ""
    for character in value:
        if cluster and not _extends(cluster, character):
            yield cluster
            cluster = ""
        cluster += character
    yield cluster


def _extends(cluster: str, character: str) -> bool:
    if character < "\u0300":
        return cluster[-1] == _JOINER
    if _FLAG_LETTERS[0] <= character <= _FLAG_LETTERS[1]:
        return len(cluster) == 1 and _FLAG_LETTERS[0] <= cluster <= _FLAG_LETTERS[1]
    return (
        character in ("\u200c", _JOINER)
        or cluster[-1] == _JOINER
        or category(character).startswith("M")
        or _SKIN_TONES[0] <= character <= _SKIN_TONES[1]
        or _TAG_LETTERS[0] <= character <= _TAG_LETTERS[1]
    )


def _bytes_in(width: int) -> int:
    """How many bytes fit into an encoded-word of this width (at most 75)."""
    return (min(width, 75) - len("=?utf-8?B??=")) // 4 * 3


_FULL_WORD = _bytes_in(ENCODED_LINE - 1)


def _encoded_word(text: bytes) -> str:
    return f"=?utf-8?B?{b64encode(text).decode('ascii')}?="


def _fold(header: str, words: Iterable[str]) -> bytes:
    """Join the words by spaces, going to a new line where one would be too long."""
    lines: list[str] = []
    line = f"{header}:"
    for word in words:
        limit = ENCODED_LINE if "=?" in word or "=?" in line else LINE
        # Right after the name there is always a word: an empty first line confuses.
        if len(line) + 1 + len(word) > limit and not line.endswith(":"):
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, f"{line}\r\n"]).encode()
