"""Where in the markup a merge field stands, and what its value may do there.

1. Walk the tokens of the HTML (`mailcore.markup`).
2. A field in text or in a quoted attribute is safe once it is escaped.
3. A field that can decide the scheme of a web address is checked after rendering:
   escaping does not stop ``javascript:``.
4. Anywhere else a field is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from html import escape as _escape
from html import unescape

from mailcore.markup import Attribute, Kind, Token, tokenize

__all__ = [
    "Place",
    "Url",
    "escape",
    "escape_all",
    "find_places",
    "find_unsafe_url",
    "is_safe_url",
]

SAFE_SCHEMES = frozenset(
    {"http", "https", "mailto", "tel", "sms", "cid", "tg", "viber", "whatsapp"}
)
URL_ATTRIBUTES = frozenset(
    {"href", "src", "action", "formaction", "background", "poster", "cite", "data"}
    | {"xlink:href", "longdesc", "usemap", "ping", "manifest"}
)
# A field is shown to the scanner as one character of the private use area.
_MARK = "\uf8ff"
_SPECIAL = re.compile("[&<>\"']")
# Browsers drop these before they look for the scheme.
_IGNORED_IN_URL = re.compile("[\x00-\x20\x7f-\xa0\xad\u200b-\u200f\u2028-\u202f\ufeff]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+-]*):")
_USUAL_SCHEMES = ("https:", "http:", "mailto:")


class Place(Enum):
    TEXT = "text"
    ATTRIBUTE = "attribute"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """An attribute with an address whose scheme depends on fields."""

    pieces: tuple[str | int, ...]  # text, or the number of a field

    @property
    def fields(self) -> tuple[int, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, int))

    def moved(self, places: Sequence[int]) -> Url:
        """Return the same address with the fields' numbers exchanged for others."""
        pieces = (
            places[each] if isinstance(each, int) else each for each in self.pieces
        )
        return Url(pieces=tuple(pieces))

    def render(self, values: Sequence[str]) -> str:
        return "".join(
            [values[each] if isinstance(each, int) else each for each in self.pieces]
        )


def escape(value: str) -> str:
    """Escape for text and for quoted attributes."""
    return _escape(value) if _SPECIAL.search(value) else value


def escape_all(values: Sequence[str]) -> Sequence[str]:
    """Escape each; where there is nothing to escape, return the very same values."""
    if not _SPECIAL.search("".join(values)):
        return values
    return [escape(value) for value in values]


def is_safe_url(url: str) -> bool:
    """Tell whether the address has no scheme, or one that only leads somewhere."""
    if url.startswith(_USUAL_SCHEMES):
        return True
    scheme = _SCHEME.match(_IGNORED_IN_URL.sub("", url))
    return scheme is None or scheme[1].lower() in SAFE_SCHEMES


def find_places(
    parts: Sequence[str | None],
) -> tuple[tuple[Place, ...], tuple[Url, ...]]:
    """Return the place of every field (None in ``parts``) and the addresses to check."""
    scanner = _Scanner(parts)
    scanner.run()
    return tuple(scanner.places), tuple(scanner.urls)


def find_unsafe_url(html: str) -> tuple[int, int, str] | None:
    """Return line, column and text of the first address that leads nowhere good.

    Images as ``data:`` are let through: many mail programs show them.
    """
    for token in tokenize(html):
        for attribute in token.attributes:
            url = attribute.value
            if attribute.name not in URL_ATTRIBUTES or is_safe_url(url):
                continue
            if not url.lstrip().lower().startswith("data:image/"):
                line_start = html.rfind("\n", 0, attribute.start) + 1
                line = html.count("\n", 0, attribute.start) + 1
                return line, attribute.start - line_start + 1, url
    return None


class _Scanner:
    def __init__(self, parts: Sequence[str | None]) -> None:
        self.html = "".join(
            _MARK if part is None else part.replace(_MARK, " ") for part in parts
        )
        self.at = 0
        self.places: list[Place] = []
        self.urls: list[Url] = []

    def run(self) -> None:
        for token in tokenize(self.html):
            if token.kind is Kind.TEXT:
                self._text(token)
            elif token.kind is Kind.COMMENT:
                self._comment(token)
            else:
                for attribute in token.attributes:
                    self._attribute(attribute)
                self._take(token.end, Place.FORBIDDEN)

    def _take(self, end: int, place: Place) -> None:
        """Move on to ``end``; the fields on the way stand at ``place``."""
        marks = self.html.count(_MARK, self.at, end)
        self.places.extend([place] * marks)
        self.at = max(self.at, end)

    def _text(self, token: Token) -> None:
        while (start := self.html.find(f"<{_MARK}", self.at, token.end)) >= 0:
            self._take(start, Place.TEXT)
            # "<" and a value would make a tag together.
            self._take(start + 2, Place.FORBIDDEN)
        self._take(token.end, Place.TEXT)

    def _comment(self, token: Token) -> None:
        """Outlook reads markup in comments, so a field there counts as an address."""
        first = len(self.places)
        self._take(token.end, Place.ATTRIBUTE)
        self.urls += [Url(pieces=(each,)) for each in range(first, len(self.places))]

    def _attribute(self, attribute: Attribute) -> None:
        name = attribute.name
        if not attribute.quoted or name.startswith("on") or name == "srcdoc":
            self._take(attribute.end, Place.FORBIDDEN)
            return
        self._take(attribute.start, Place.FORBIDDEN)
        if name in URL_ATTRIBUTES:
            self._note_url(attribute.source)
        self._take(attribute.end, Place.ATTRIBUTE)

    def _note_url(self, value: str) -> None:
        """Keep the address when a field stands where the scheme is decided."""
        if not re.match(rf"[^:/?#]*{_MARK}", unescape(value)):
            return
        number = len(self.places)
        pieces: list[str | int] = []
        for piece in re.split(f"({_MARK})", value):
            if piece == _MARK:
                pieces.append(number)
                number += 1
            elif piece:
                pieces.append(unescape(piece))
        self.urls.append(Url(pieces=tuple(pieces)))
