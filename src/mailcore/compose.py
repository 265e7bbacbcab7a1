"""Compile a message once, then write a letter of it for every recipient.

1. `compile_letter` cuts subject, HTML and text at their merge fields, makes the HTML a
   whole document, chooses each part's transfer encoding, and encodes all that is the
   same for everybody.
2. `CompiledLetter.compose` encodes one recipient's values, each once, and joins all
   chunks at once: the octets for DATA, before dot-stuffing.  7-bit, CRLF, no line longer
   than 78 where it can be folded (MSG-01..03).

Shapes (MSG-07): text/plain, or multipart/alternative of text/plain and text/html.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from mailcore.bulk import Bulk, bulk_fields, delivery_field, unsubscribe_fields
from mailcore.headers import (
    HeaderError,
    Mailbox,
    check_value,
    date_field,
    extra_field,
    mailbox_field,
    message_id_field,
    text_field,
)
from mailcore.letterhtml import as_document, hidden_block, insert_first, is_document
from mailcore.personalise import (
    HtmlTemplate,
    Lookup,
    MissingValue,
    Template,
    TemplateError,
    parse_template,
    picker,
)
from mailcore.places import Url, escape_all, is_safe_url
from mailcore.plaintext import html_to_text
from mailcore.transfer import Part, best_part, canonical

__all__ = [
    "Bulk",
    "CompiledLetter",
    "HeaderError",
    "LetterSource",
    "Mailbox",
    "Marks",
    "MissingValue",
    "TemplateError",
    "compile_letter",
    "letter_html",
    "name_fields",
]

BOUNDARY_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterSource:
    """What a letter is made of; subject, preheader, html and text are templates.

    Without ``text`` the plain part is made from the HTML; without ``html`` the letter
    has only the plain part.
    """

    subject: str
    preheader: str
    html: str
    text: str
    sender: Mailbox
    reply_to: Mailbox | None = None
    extra_headers: tuple[tuple[str, str], ...] = ()
    bulk: Bulk | None = None  # a mailing, and not a letter to one person


class Marks(NamedTuple):
    """What names one letter of a mailing: the way out, and our own token."""

    unsubscribe_url: str
    unsubscribe_mailto: str = ""
    token: str = ""


Pick = Callable[[Sequence[Any]], tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """A line of text with "%s" in place of its fields."""

    pattern: str
    pick: Pick

    def field(self, texts: Sequence[str]) -> bytes:
        return text_field("Subject", self.pattern % self.pick(texts))


@dataclass(frozen=True, slots=True, kw_only=True)
class _TextPart:
    part: Part
    pick: Pick

    def fill(self, prepared: Sequence[bytes]) -> list[bytes]:
        return self.part.fill(self.pick(prepared))


@dataclass(frozen=True, slots=True, kw_only=True)
class _HtmlPart:
    template: HtmlTemplate
    part: Part
    pick: Pick
    urls: tuple[Url, ...]  # those of the template, each distinct one once
    like_text: bool  # in the transfer encoding of the plain part

    def fill(self, texts: Sequence[str], prepared: Sequence[bytes]) -> list[bytes]:
        """Return the chunks; ``prepared`` is what the plain part is filled with."""
        for url in self.urls:
            if not is_safe_url(url.render(texts)):
                # Only here the same field is one thing in one place and another elsewhere.
                return self._fill_safely(self.pick(texts))
        escaped = escape_all(texts)
        if escaped is not texts or not self.like_text:
            prepared = self.part.prepare(escaped)
        return self.part.fill(self.pick(prepared))

    def _fill_safely(self, texts: Sequence[str]) -> list[bytes]:
        return self.part.fill(self.part.prepare(self.template.safe(texts)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledLetter:
    names: frozenset[str]  # the merge fields it uses
    required: frozenset[str]  # those that need a value
    _lookup: Lookup
    _sender: bytes
    _subject: _Subject
    _static_headers: bytes
    _text: _TextPart
    _html: _HtmlPart | None
    # Around the parts: the end of the header block, between the two, after them.
    _frames: tuple[bytes, bytes, bytes]

    def compose(
        self,
        *,
        to: Mailbox,
        values: Mapping[str, str],
        message_id: str,
        date: datetime,
        smtputf8: bool = False,
        marks: Marks | None = None,
    ) -> bytes:
        """Return the letter for one recipient; ``marks`` are for those of a mailing.

        Raises `MissingValue` when a field has neither a value nor a default, and
        `HeaderError` when a value cannot stand in a header field.
        """
        return self.write(
            date=date_field(date),
            to=mailbox_field("To", to, smtputf8=smtputf8),
            name=name_fields(message_id, marks),
            values=values,
        )

    def write(
        self, *, date: bytes, to: bytes, name: bytes, values: Mapping[str, str]
    ) -> bytes:
        """Return the letter with header fields that are written already.  Raises as above.

        ``date`` is the Date field, ``to`` the To field, ``name`` what `name_fields` makes.
        """
        texts = self._lookup.resolve(values)
        text, html = self._text, self._html
        prepared = text.part.prepare(texts)
        start, middle, end = self._frames
        chunks = [
            date,
            self._sender,
            to,
            self._subject.field(texts),
            name,
            self._static_headers,
            start,
            *text.fill(prepared),
            middle,
        ]
        if html:
            chunks += html.fill(texts, prepared)
            chunks.append(end)
        return b"".join(chunks)


def name_fields(message_id: str, marks: Marks | None = None) -> bytes:
    """Return the header fields that name one letter, or raise `HeaderError`."""
    field = message_id_field(message_id)
    if not marks:
        return field
    field += unsubscribe_fields(marks.unsubscribe_url, mailto=marks.unsubscribe_mailto)
    return field + delivery_field(marks.token) if marks.token else field


def compile_letter(source: LetterSource) -> CompiledLetter:
    """Do once all that is the same in every letter.

    Raises `TemplateError` for a bad template and `HeaderError` for a bad header value.
    """
    subject = parse_template(source.subject)
    for piece in subject.statics:
        check_value("Subject", piece or "", tab=True)
    text_source = source.text or html_to_text(source.html)
    text = parse_template(canonical(text_source).rstrip())
    html = _html_template(source) if source.html.strip() else None
    templates = [subject, text, html.template] if html else [subject, text]
    lookup = Lookup(templates)
    text_part = _text_part(text, lookup)
    html_part = _html_part(html, lookup, like=text_part.part) if html else None
    return CompiledLetter(
        names=_union(each.names for each in templates),
        required=_union(each.required for each in templates),
        _lookup=lookup,
        _sender=mailbox_field("From", source.sender),
        _subject=_subject(subject, lookup),
        _static_headers=_static_headers(source),
        _text=text_part,
        _html=html_part,
        _frames=_frames(text_part, html_part),
    )


def letter_html(source: LetterSource) -> str:
    """Return the template of the HTML part as it is sent; the preview shows it."""
    html = source.html
    if not is_document(html):
        html = as_document(html, title=source.subject)
    if source.preheader.strip():
        html = insert_first(html, hidden_block(source.preheader))
    return html


def _html_template(source: LetterSource) -> HtmlTemplate:
    return HtmlTemplate(template=parse_template(letter_html(source).rstrip()))


def _subject(template: Template, lookup: Lookup) -> _Subject:
    pieces = [
        "%s" if each is None else each.replace("%", "%%") for each in template.statics
    ]
    return _Subject(pattern="".join(pieces), pick=picker(lookup.places(template)))


def _text_part(template: Template, lookup: Lookup) -> _TextPart:
    pick = picker(lookup.places(template))
    return _TextPart(part=best_part(template.statics), pick=pick)


def _html_part(html: HtmlTemplate, lookup: Lookup, *, like: Part) -> _HtmlPart:
    part = best_part(html.template.statics)
    places = lookup.places(html.template)
    urls = dict.fromkeys(url.moved(places) for url in html.urls)
    return _HtmlPart(
        template=html,
        part=part,
        pick=picker(places),
        urls=tuple(urls),
        like_text=type(part) is type(like),
    )


def _static_headers(source: LetterSource) -> bytes:
    fields = [extra_field(name, value) for name, value in source.extra_headers]
    if source.bulk:
        fields.insert(0, bulk_fields(source.bulk))
    if source.reply_to:
        fields.insert(0, mailbox_field("Reply-To", source.reply_to))
    return b"".join([*fields, b"MIME-Version: 1.0\r\n"])


def _frames(text: _TextPart, html: _HtmlPart | None) -> tuple[bytes, bytes, bytes]:
    text_head = _part_head("plain", text.part)
    if html is None:
        return text_head, b"", b""
    # "=_" cannot occur in either transfer encoding (RFC 2045 section 6.7).
    boundary = f"=_{secrets.token_hex(BOUNDARY_BYTES)}".encode("ascii")
    start = b"".join(
        [
            b"Content-Type: multipart/alternative;\r\n boundary=",
            b'"' + boundary + b'"\r\n\r\n',
            b"--" + boundary + b"\r\n",
            text_head,
        ]
    )
    middle = b"--" + boundary + b"\r\n" + _part_head("html", html.part)
    return start, middle, b"--" + boundary + b"--\r\n"


def _part_head(subtype: str, part: Part) -> bytes:
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {part.name}\r\n\r\n"
    ).encode("ascii")


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)
