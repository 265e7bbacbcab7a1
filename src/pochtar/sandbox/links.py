"""Find the addresses that a captured letter leads to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlsplit

from mailcore.markup import Kind, Token, tokenize

READ_CHARS = 2_000_000
LABEL_CHARS = 2000
LINKS = 200
URL_CHARS = 4000
SCHEMES = ("http", "https", "mailto", "tel")
IN_TEXT = re.compile(r"""https?://[^\s<>"'\x00-\x1f]+""", re.IGNORECASE)
SENTENCE_ENDS = ".,;:!?)]}»”"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    url: str
    label: str = ""


def is_followable(url: str) -> bool:
    """Say whether a page may show the address as a link (never ``javascript:``)."""
    try:
        return urlsplit(url).scheme.lower() in SCHEMES and len(url) <= URL_CHARS
    except ValueError:
        return False


def links_in_html(html: str) -> tuple[Link, ...]:
    """Return each address once, with the words of its first link."""
    found: dict[str, str] = {}
    url, words = "", ""
    for token in tokenize(html[:READ_CHARS]):
        if token.name in ("a", "area") and token.kind in (Kind.START, Kind.END):
            _keep(found, url, words)
            starts = token.kind is Kind.START
            url, words = _value(token, "href").strip() if starts else "", ""
        elif not url or len(words) > LABEL_CHARS:
            continue
        elif token.kind is Kind.TEXT:
            words += unescape(html[token.start : token.end][:LABEL_CHARS])
        elif token.name == "img":
            words += _value(token, "alt")
        if len(found) >= LINKS:
            break
    _keep(found, url, words)
    return tuple(Link(url=url, label=label) for url, label in found.items())


def _value(token: Token, name: str) -> str:
    return next((each.value for each in token.attributes if each.name == name), "")


def _keep(found: dict[str, str], url: str, words: str) -> None:
    if is_followable(url):
        found.setdefault(url, " ".join(words.split())[:200])


def links_in_text(text: str) -> tuple[Link, ...]:
    matches = IN_TEXT.finditer(text[:READ_CHARS])
    found = (match[0].rstrip(SENTENCE_ENDS) for match in matches)
    unique = dict.fromkeys(url for url in found if is_followable(url))
    return tuple(Link(url=url) for url in list(unique)[:LINKS])
