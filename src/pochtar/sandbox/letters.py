"""Read a captured letter: headers, HTML part, text part, attachments, links.

Letters come from any program, so nothing here trusts them: whatever the bytes are, a
``Letter`` comes out and no exception.  The parser is the standard library's with its
older policy: it keeps what it cannot understand, where the newer one may raise.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser

from pochtar.sandbox.links import Link, links_in_html, links_in_text

HEADER_BYTES = 256 * 1024  # of a letter's beginning: where its headline is looked for
HEADER_CHARS = 16_000
PARTS = 200
DEPTH = 30
INLINE_IMAGE_BYTES = 2 * 1024 * 1024
INLINE_IMAGES = 40  # so that a small letter cannot grow into a huge page
# What the standard library is known to raise on broken letters.
BROKEN = (
    MessageError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RecursionError,
)
# Lone surrogates (bytes that were no text), NUL and the other controls but tab.
UNPRINTABLE = re.compile(r"[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
CONTENT_ID = re.compile(r"""\bcid:([^"'\s)>]{1,250})""", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    name: str
    content_type: str
    content: bytes
    content_id: str = ""

    @property
    def size(self) -> int:
        return len(self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """What a list of letters shows."""

    subject: str = ""
    sender: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    headers: tuple[Header, ...]
    html: str  # "" where the letter has no such part
    text: str
    attachments: tuple[Attachment, ...]
    source: str
    size: int

    @property
    def links(self) -> tuple[Link, ...]:
        """The addresses the letter leads to, each once, in order."""
        return links_in_html(self.html) or links_in_text(self.text)

    @property
    def has_remote_images(self) -> bool:
        return bool(REMOTE_IMAGE.search(self.html))

    def html_with_images(self) -> str:
        """Return the HTML with the letter's own (``cid:``) images put into it."""
        images = {
            part.content_id: part
            for part in self.attachments
            if part.content_type.startswith("image/")
            and part.size <= INLINE_IMAGE_BYTES
        }

        def put_in(match: re.Match[str]) -> str:
            part = images.get(match[1])
            return _data_url(part) if part else match[0]

        return CONTENT_ID.sub(put_in, self.html, count=INLINE_IMAGES)


# Bounded blanks: unbounded ones beside each other would take a quadratic time.
REMOTE_IMAGE = re.compile(
    r"""\b(?:src|srcset|background|poster)\s{0,9}=\s{0,9}["']?\s{0,9}(?:https?:)?//"""
    r"""|url\(\s{0,9}["']?\s{0,9}(?:https?:)?//""",
    re.IGNORECASE,
)


def _data_url(part: Attachment) -> str:
    content = base64.b64encode(part.content).decode()
    return f"data:{part.content_type};base64,{content}"


def read_headline(raw: bytes) -> Headline:
    """Return subject, From and Message-ID without reading the whole letter."""
    try:
        message = BytesHeaderParser().parsebytes(raw[:HEADER_BYTES])
    except BROKEN:
        return Headline()
    return Headline(
        subject=_first(message, "subject"),
        sender=_first(message, "from"),
        message_id=_first(message, "message-id"),
    )


def read_letter(raw: bytes) -> Letter:
    """Return the letter for a page."""
    source = _decode(raw, "utf-8")
    try:
        message = message_from_bytes(raw)
    except BROKEN:
        return Letter(
            headers=(), html="", text=source, attachments=(), source=source, size=0
        )
    html, text, attachments = _sort_parts(message)
    return Letter(
        headers=tuple(_headers(message)),
        html=html,
        text=text,
        attachments=tuple(attachments),
        source=source,
        size=len(raw),
    )


def _headers(message: Message) -> Iterator[Header]:
    for name, value in message.raw_items():
        yield Header(name=clean_text(name), value=decode_text(str(value)))


def _first(message: Message, wanted: str) -> str:
    found = (v for k, v in message.raw_items() if k.lower() == wanted)
    return decode_text(str(next(found, "")))


def decode_text(value: str) -> str:
    """Return a header's value as people read it: unfolded, RFC 2047 words decoded."""
    unfolded = re.sub(r"\r?\n[ \t]*|\r", " ", value[:HEADER_CHARS]).strip()
    raw = unfolded.encode("utf-8", "surrogateescape")
    plain = _decode(raw, "utf-8")
    if "=?" not in plain:
        return clean_text(plain)
    try:
        pieces = decode_header(plain)
    except (HeaderParseError, *BROKEN):
        return clean_text(plain)
    words = (
        _decode(piece, charset or "utf-8") if isinstance(piece, bytes) else piece
        for piece, charset in pieces
    )
    return clean_text("".join(words))


def clean_text(value: str) -> str:
    """Return text that any database and any page can hold."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", value)


def _decode(content: bytes, charset: str) -> str:
    for name in (charset, "utf-8"):
        try:
            return content.decode(name)
        except (UnicodeDecodeError, *BROKEN):
            continue
    return content.decode("latin-1" if charset == "utf-8" else "utf-8", "replace")


def _sort_parts(message: Message) -> tuple[str, str, list[Attachment]]:
    """Return the first HTML part, the first text part, and everything else."""
    html = text = ""
    attachments: list[Attachment] = []
    for number, part in enumerate(_leaves(message, DEPTH), start=1):
        if number > PARTS:
            break
        kind = part.get_content_type()
        attached = _is_attached(part)
        if kind == "text/html" and not attached and not html:
            html = _text_of(part)
        elif kind == "text/plain" and not attached and not text:
            text = _text_of(part)
        else:
            attachments.append(_attachment(part, number))
    return html, text, attachments


def _leaves(message: Message, depth: int) -> Iterator[Message]:
    """Yield the parts that hold content; a letter within the letter is one part."""
    payload = _inner_parts(message)
    is_letter = message.get_content_maintype() == "message"
    if is_letter or depth == 0 or not payload:
        yield message
        return
    for part in payload:
        yield from _leaves(part, depth - 1)


def _inner_parts(message: Message) -> list[Message]:
    try:
        payload = message.get_payload()
    except BROKEN:
        return []
    if not isinstance(payload, list):
        return []
    return [part for part in payload if isinstance(part, Message)]


def _is_attached(part: Message) -> bool:
    try:
        return part.get_content_disposition() == "attachment"
    except BROKEN:
        return False


def _text_of(part: Message) -> str:
    try:
        charset = part.get_content_charset("utf-8")
    except BROKEN:
        charset = "utf-8"
    text = _decode(_content(part), charset).replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"[\ud800-\udfff\x00]", "\N{REPLACEMENT CHARACTER}", text)


def _content(part: Message) -> bytes:
    try:
        if inner := _inner_parts(part):
            return b"\r\n".join(each.as_bytes() for each in inner)
        content = part.get_payload(decode=True)
    except BROKEN:
        return b""
    return content if isinstance(content, bytes) else b""


def _attachment(part: Message, number: int) -> Attachment:
    kind = part.get_content_type()
    return Attachment(
        name=_file_name(part) or _made_up_name(kind, number),
        content_type=kind if re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind) else UNKNOWN,
        content=_content(part),
        content_id=clean_text(str(part.get("content-id", ""))).strip(" <>"),
    )


UNKNOWN = "application/octet-stream"


def _file_name(part: Message) -> str:
    try:
        name = part.get_filename()
    except BROKEN:
        return ""
    last = re.split(r"[\\/]", decode_text(name or ""))[-1]
    return last.replace('"', "").strip(" .")[:150]


def _made_up_name(kind: str, number: int) -> str:
    ending = {"text/html": "html", "text/plain": "txt", "message/rfc822": "eml"}
    return f"part-{number}.{ending.get(kind, 'bin')}"
