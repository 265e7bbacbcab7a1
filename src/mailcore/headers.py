"""Write header fields: RFC 5322 with RFC 2047, one field at a time, CRLF at the end.

1. Refuse what could end the field or hide in it (MSG-20).  Nothing is stripped.
2. Unstructured text and display names: plain ASCII as it is, folded at spaces; all else
   as base64 encoded-words, cut between characters that a reader sees as one (MSG-18).
3. Structured values (addresses, Message-ID) are never encoded (MSG-19).
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import b2a_base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from hashlib import blake2b
from unicodedata import category

from mailcore.addresses import AddressError, parse_address

__all__ = [
    "DateWriter",
    "HeaderError",
    "Mailbox",
    "addressed_field",
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
# No control character is among them, so that what matches needs no other check.
_SIMPLE = re.compile(
    "[ -~\xa0-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20c0\u2100-\u214f]+"
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
    if value.isascii():
        if _fits(header, value) and _PLAIN.fullmatch(value) and "=?" not in value:
            return f"{header}: {value}\r\n".encode("ascii")
    elif _SIMPLE.fullmatch(value):
        words = _simple_words(value, first=ENCODED_LINE - len(header) - 2)
        return b"%b: %b\r\n" % (header.encode("ascii"), words)
    return _any_text_field(header, value)


def _any_text_field(header: str, value: str) -> bytes:
    check_value(header, value, tab=True)
    if not value:
        return f"{header}:\r\n".encode("ascii")
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
    return addressed_field(header, mailbox.name, address.envelope)


def addressed_field(header: str, name: str, address: str) -> bytes:
    """Return a field with an address that was checked and is as the wire wants it."""
    if name.isascii():
        if (
            _fits(header, name, address)
            and _PHRASE.fullmatch(name)
            and "=?" not in name
        ):
            return f"{header}: {name} <{address}>\r\n".encode()
    elif _SIMPLE.fullmatch(name) and name[0] != " " != name[-1]:
        return _simple_mailbox(header, name, address)
    return _any_mailbox(header, name, address)


def _simple_mailbox(header: str, name: str, address: str) -> bytes:
    words = _simple_words(name, first=ENCODED_LINE - len(header) - 2)
    field = b"%b: %b" % (header.encode("ascii"), words)
    last_line = len(field) - field.rfind(b"\n") - 1
    fits = last_line + len(" <>") + len(address) <= ENCODED_LINE
    return b"%b%b<%b>\r\n" % (field, b" " if fits else b"\r\n ", address.encode())


def _any_mailbox(header: str, name: str, address: str) -> bytes:
    check_value(header, name)
    name = name.strip(" ")
    if not name:
        return _fold(header, [address])
    words = _phrase_words(name, first=ENCODED_LINE - len(header) - 2)
    return _fold(header, [*words, f"<{address}>"])


def _fits(header: str, value: str, address: str = "") -> bool:
    """Tell whether the field needs no second line, with or without encoded-words."""
    return len(header) + len(value) + len(address) <= ENCODED_LINE - len(":  <>")


def phrase_field(header: str, name: str, token: str) -> bytes:
    """Return ``name <token>``: a display name, and a token that is written as it is."""
    check_value(header, name)
    name = name.strip(" ")
    words = _phrase_words(name, first=ENCODED_LINE - len(header) - 2) if name else []
    return _fold(header, [*words, f"<{token}>"])


class DateWriter:
    """Writes the Date field in one zone, once for all letters of a second.

    It is asked with the time in UTC, where no second comes twice.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        # From, until, and the field; one value, because several threads write letters.
        self._second: tuple[datetime, datetime, bytes] | None = None

    def __call__(self, now: datetime) -> bytes:
        second = self._second
        if second is None or not second[0] <= now < second[1]:
            start = now.replace(microsecond=0)
            field = date_field(now.astimezone(self._zone))
            self._second = second = (start, start + timedelta(seconds=1), field)
        return second[2]


def date_field(date: datetime) -> bytes:
    """Return the Date field with a numeric zone; the time must know its own."""
    offset = date.utcoffset()
    if offset is None:
        raise ValueError("a letter's date needs a time zone")
    minutes = int(offset.total_seconds()) // 60
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


def _encoded_words(value: str, *, first: int) -> Iterable[str]:
    if _SIMPLE.fullmatch(value):
        return _simple_words(value, first=first).decode("ascii").split("\r\n ")
    return _cluster_words(value, first=first)


def _cluster_words(value: str, *, first: int) -> Iterator[str]:
    """Cut between what a reader sees as single characters."""
    room = _bytes_in(first)
    word = b""
    for piece in _pieces(value, longest=_FULL_WORD):
        if word and len(word) + len(piece) > room:
            yield _encoded_word(word)
            word, room = b"", _FULL_WORD
        word += piece
    yield _encoded_word(word)


def _simple_words(value: str, *, first: int) -> bytes:
    """Return encoded-words of simple text, a line each, cut where a character begins."""
    text = value.encode()
    room = _bytes_in(first)
    if len(text) <= room:
        return b"=?utf-8?B?%b?=" % b2a_base64(text, newline=False)
    words = []
    while len(text) > room:
        end = room
        while text[end] & 0xC0 == 0x80:
            end -= 1
        words.append(b2a_base64(text[:end], newline=False))
        text, room = text[end:], _FULL_WORD
    words.append(b2a_base64(text, newline=False))
    return b"=?utf-8?B?%b?=" % b"?=\r\n =?utf-8?B?".join(words)


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


@lru_cache(maxsize=128)
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
