"""Compile a message once, then write a letter of it for every recipient.

1. `compile_letter` cuts subject, HTML and text at their merge fields, makes the HTML a
   whole document, chooses each part's transfer encoding, and encodes all that is the
   same for everybody.
2. `CompiledLetter.compose` encodes one recipient's values and joins the chunks: the
   octets for DATA, before dot-stuffing.  7-bit, CRLF, no line longer than 78 where it
   can be folded (MSG-01..03).

Shapes (MSG-07): text/plain, or multipart/alternative of text/plain and text/html.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

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
    MissingValue,
    Template,
    TemplateError,
    parse_template,
    render_text,
)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _TextPart:
    template: Template
    part: Part

    def encode(self, values: Mapping[str, str]) -> bytes:
        return self.part.encode(self.template.resolve(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class _HtmlPart:
    template: HtmlTemplate
    part: Part

    def encode(self, values: Mapping[str, str]) -> bytes:
        return self.part.encode(self.template.slots(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledLetter:
    names: frozenset[str]  # the merge fields it uses
    required: frozenset[str]  # those that need a value
    _sender: bytes
    _subject: Template
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
        subject = render_text(self._subject, values)
        start, middle, end = self._frames
        chunks = [
            date_field(date),
            self._sender,
            mailbox_field("To", to, smtputf8=smtputf8),
            text_field("Subject", subject),
            message_id_field(message_id),
            _mark_fields(marks) if marks else b"",
            self._static_headers,
            start,
            self._text.encode(values),
            middle,
        ]
        if self._html:
            chunks += [self._html.encode(values), end]
        return b"".join(chunks)


def compile_letter(source: LetterSource) -> CompiledLetter:
    """Do once all that is the same in every letter.

    Raises `TemplateError` for a bad template and `HeaderError` for a bad header value.
    """
    for part in _template(source.subject).statics:
        check_value("Subject", part or "", tab=True)
    text = _text_part(source.text or html_to_text(source.html))
    html = _html_part(source) if source.html.strip() else None
    templates = [_template(source.subject), text.template]
    if html:
        templates.append(html.template.template)
    return CompiledLetter(
        names=_union(each.names for each in templates),
        required=_union(each.required for each in templates),
        _sender=mailbox_field("From", source.sender),
        _subject=_template(source.subject),
        _static_headers=_static_headers(source),
        _text=text,
        _html=html,
        _frames=_frames(text, html),
    )


def letter_html(source: LetterSource) -> str:
    """Return the template of the HTML part as it is sent; the preview shows it."""
    html = source.html
    if not is_document(html):
        html = as_document(html, title=source.subject)
    if source.preheader.strip():
        html = insert_first(html, hidden_block(source.preheader))
    return html


def _template(source: str) -> Template:
    return parse_template(source)


def _text_part(text: str) -> _TextPart:
    template = parse_template(canonical(text).rstrip())
    return _TextPart(template=template, part=best_part(template.statics))


def _html_part(source: LetterSource) -> _HtmlPart:
    template = HtmlTemplate(template=parse_template(letter_html(source).rstrip()))
    return _HtmlPart(template=template, part=best_part(template.template.statics))


def _static_headers(source: LetterSource) -> bytes:
    fields = [extra_field(name, value) for name, value in source.extra_headers]
    if source.bulk:
        fields.insert(0, bulk_fields(source.bulk))
    if source.reply_to:
        fields.insert(0, mailbox_field("Reply-To", source.reply_to))
    return b"".join([*fields, b"MIME-Version: 1.0\r\n"])


def _mark_fields(marks: Marks) -> bytes:
    fields = unsubscribe_fields(marks.unsubscribe_url, mailto=marks.unsubscribe_mailto)
    return fields + delivery_field(marks.token) if marks.token else fields


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
