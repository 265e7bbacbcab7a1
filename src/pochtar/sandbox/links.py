"""Find the addresses that a captured letter leads to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlsplit

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


class _Finder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, str] = {}
        self._url = ""
        self._label: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("a", "area"):
            self._finish()
            self._url = (dict(attrs).get("href") or "").strip()
        elif tag == "img" and self._url:
            self._label.append(dict(attrs).get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._finish()

    def handle_data(self, data: str) -> None:
        if self._url:
            self._label.append(data)

    def close(self) -> None:
        super().close()
        self._finish()

    def _finish(self) -> None:
        if is_followable(self._url) and len(self.found) < LINKS:
            label = " ".join("".join(self._label).split())[:200]
            self.found.setdefault(self._url, label)
        self._url, self._label = "", []


def links_in_html(html: str) -> tuple[Link, ...]:
    finder = _Finder()
    try:
        finder.feed(html)
        finder.close()
    except (AssertionError, ValueError):  # html.parser on hopeless mark-up
        pass
    return tuple(Link(url=url, label=label) for url, label in finder.found.items())


def links_in_text(text: str) -> tuple[Link, ...]:
    found = (match[0].rstrip(SENTENCE_ENDS) for match in IN_TEXT.finditer(text))
    unique = dict.fromkeys(url for url in found if is_followable(url))
    return tuple(Link(url=url) for url in list(unique)[:LINKS])
