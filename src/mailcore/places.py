"""Where in the markup a merge field stands, and what its value may do there.

1. Walk the HTML as a browser's tokeniser does (WHATWG section 13.2.5): text, tags,
   attributes, comments, raw text of scripts and styles.
2. A field in text or in a quoted attribute is safe once it is escaped.
3. A field that can decide the scheme of a web address is checked after rendering:
   escaping does not stop ``javascript:``.
4. Anywhere else a field is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from html import escape as _escape
from html import unescape

__all__ = ["Place", "Url", "escape", "find_places", "is_safe_url"]

SAFE_SCHEMES = frozenset(
    {"http", "https", "mailto", "tel", "sms", "cid", "tg", "viber", "whatsapp"}
)
URL_ATTRIBUTES = frozenset(
    {"href", "src", "action", "formaction", "background", "poster", "cite", "data"}
    | {"xlink:href", "longdesc", "usemap", "ping", "manifest"}
)
RAW_TEXT = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes"})

# A field is shown to the scanner as one character of the private use area.
_MARK = "\uf8ff"
_TAG = re.compile(r"</?[A-Za-z][^\s/>]*")
_ATTRIBUTE = re.compile(
    r"""[\s/]*(?P<name>=[^\s/>=]*|[^\s/>=]+)
        (?:\s*=\s*(?:"(?P<double>[^"]*)(?:"|\Z)|'(?P<single>[^']*)(?:'|\Z)|(?P<bare>[^\s>]*)))?""",
    re.VERBOSE,
)
_TAG_END = re.compile(r"[\s/]*(?:>|\Z)")
_SPECIAL = re.compile("[&<>\"']")
# Browsers drop these before they look for the scheme.
_IGNORED_IN_URL = re.compile("[\x00-\x20\x7f-\xa0\xad\u200b-\u200f\u2028-\u202f\ufeff]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+-]*):")


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

    def render(self, values: Sequence[str]) -> str:
        return "".join(
            values[piece] if isinstance(piece, int) else piece for piece in self.pieces
        )


def escape(value: str) -> str:
    """Escape for text and for quoted attributes."""
    return _escape(value) if _SPECIAL.search(value) else value


def is_safe_url(url: str) -> bool:
    """Tell whether the address has no scheme, or one that only leads somewhere."""
    scheme = _SCHEME.match(_IGNORED_IN_URL.sub("", url[:200]))
    return scheme is None or scheme[1].lower() in SAFE_SCHEMES


def find_places(
    parts: Sequence[str | None],
) -> tuple[tuple[Place, ...], tuple[Url, ...]]:
    """Return the place of every field (None in ``parts``) and the addresses to check."""
    scanner = _Scanner(parts)
    scanner.run()
    return tuple(scanner.places), tuple(scanner.urls)


class _Scanner:
    def __init__(self, parts: Sequence[str | None]) -> None:
        self.html = "".join(
            _MARK if part is None else part.replace(_MARK, " ") for part in parts
        )
        self.at = 0
        self.places: list[Place] = []
        self.urls: list[Url] = []

    def run(self) -> None:
        while self.at < len(self.html):
            start = self.html.find("<", self.at)
            if start < 0:
                start = len(self.html)
            self._take(start, Place.TEXT)
            if self.html.startswith("<!--", self.at):
                self._comment()
            elif _TAG.match(self.html, self.at):
                self._tag()
            elif self.html.startswith(("<!", "<?", "</"), self.at):
                self._take_through(">", Place.FORBIDDEN)
            else:
                self._take(self.at + 1, Place.TEXT)

    def _take(self, end: int, place: Place) -> None:
        """Move on to ``end``; the fields on the way stand at ``place``."""
        marks = self.html.count(_MARK, self.at, end)
        self.places.extend([place] * marks)
        self.at = end

    def _take_through(self, text: str, place: Place) -> None:
        end = self.html.find(text, self.at)
        self._take(len(self.html) if end < 0 else end + len(text), place)

    def _comment(self) -> None:
        """Outlook reads markup in comments, so a field there counts as an address."""
        end = self.html.find("-->", self.at)
        end = len(self.html) if end < 0 else end
        first = len(self.places)
        self._take(end, Place.ATTRIBUTE)
        self.urls += [Url(pieces=(each,)) for each in range(first, len(self.places))]

    def _tag(self) -> None:
        tag = _TAG.match(self.html, self.at)
        assert tag
        self._take(tag.end(), Place.FORBIDDEN)
        for attribute in self._attributes():
            self._attribute(attribute)
        ending = _TAG_END.match(self.html, self.at)
        assert ending
        self._take(ending.end(), Place.FORBIDDEN)
        name = tag.group()[1:].lower()
        if name in RAW_TEXT:
            self._raw_text(name)

    def _attributes(self) -> Iterator[re.Match[str]]:
        while not _TAG_END.match(self.html, self.at):
            found = _ATTRIBUTE.match(self.html, self.at)
            assert found  # whatever does not end the tag begins an attribute
            yield found

    def _attribute(self, found: re.Match[str]) -> None:
        name = found["name"].lower()
        kind = next(
            (each for each in ("double", "single") if found[each] is not None), None
        )
        if kind is None or name.startswith("on") or name == "srcdoc":
            self._take(found.end(), Place.FORBIDDEN)
            return
        self._take(found.start(kind), Place.FORBIDDEN)
        if name in URL_ATTRIBUTES:
            self._note_url(found[kind])
        self._take(found.end(), Place.ATTRIBUTE)

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

    def _raw_text(self, name: str) -> None:
        ending = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
        found = ending.search(self.html, self.at)
        self._take(found.start() if found else len(self.html), Place.FORBIDDEN)
