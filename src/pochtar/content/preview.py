"""A message as one recipient would get it, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mailcore.compose import LetterSource, Mailbox, letter_html
from mailcore.personalise import HtmlTemplate, parse_template, render_text
from mailcore.plaintext import html_to_text
from pochtar.content.checks import Draft
from pochtar.content.models import Message

NOBODY = Mailbox(name="", address="nobody@example.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    subject: str
    preheader: str
    html: str  # a whole document; empty for a letter of plain text
    text: str
    missing: tuple[str, ...]  # fields without a value or a default: no letter is sent


def render_preview(message: Message | Draft, values: Mapping[str, str]) -> Preview:
    """Return the letter; a missing value shows as its merge field.

    Raises TemplateError for a message with a mistake (`find_problems` says which).
    """
    html = HtmlTemplate(template=parse_template(_document(message)))
    subject = parse_template(message.subject)
    text = parse_template(message.text or html_to_text(message.html))
    required = subject.required | html.template.required | text.required
    missing = sorted(name for name in required if not values.get(name, "").strip())
    shown = {**values, **{name: f"{{{{ {name} }}}}" for name in missing}}
    return Preview(
        subject=render_text(subject, shown),
        preheader=render_text(parse_template(message.preheader), shown),
        html=html.render(shown),
        text=render_text(text, shown),
        missing=tuple(missing),
    )


def _document(message: Message | Draft) -> str:
    if not message.html.strip():
        return ""
    return letter_html(
        LetterSource(
            subject=message.subject,
            preheader=message.preheader,
            html=message.html,
            text=message.text,
            sender=NOBODY,
        )
    )
