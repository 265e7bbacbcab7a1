"""Cut HTML into tokens as a browser does (WHATWG section 13.2.5), in linear time.

The standard library's parser takes minutes over a few hundred kilobytes of ``<a <a <a``;
letters come from people, so every source must be read in a time that follows its size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from html import unescape

__all__ = ["Attribute", "Kind", "Token", "tokenize"]

# What stands in these elements is no markup.
RAW_TEXT = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes"})

_OPENING = re.compile(r"<[A-Za-z/!?]")
_TAG = re.compile(r"</?[A-Za-z][^\s/>]*")
_ATTRIBUTE = re.compile(
    r"""[\s/]*(?P<name>=[^\s/>=]*|[^\s/>=]+)
        (?:\s*=\s*(?:"(?P<double>[^"]*)(?:"|\Z)|'(?P<single>[^']*)(?:'|\Z)|(?P<bare>[^\s>]*)))?""",
    re.VERBOSE,
)
_TAG_END = re.compile(r"[\s/]*(?:>|\Z)")


class Kind(Enum):
    TEXT = "text"
    START = "start"
    END = "end"
    COMMENT = "comment"
    DECLARATION = "declaration"
    RAW = "raw"  # the inside of a script, a style sheet, …


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    name: str
    source: str  # as written, between the quotes
    start: int  # of ``source``; both 0 when there is none
    end: int
    quoted: bool

    @property
    def value(self) -> str:
        return unescape(self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    kind: Kind
    start: int
    end: int
    name: str = ""
    attributes: tuple[Attribute, ...] = ()


def tokenize(html: str) -> Iterator[Token]:
    """Yield tokens that together cover the whole source."""
    at = 0
    while at < len(html):
        opening = _OPENING.search(html, at)
        start = opening.start() if opening else len(html)
        if start > at:
            yield Token(kind=Kind.TEXT, start=at, end=start)
        if start == len(html):
            return
        token = _markup(html, start)
        yield token
        at = token.end
        if token.kind is Kind.START and token.name in RAW_TEXT:
            end = _raw_end(html, at, token.name)
            yield Token(kind=Kind.RAW, start=at, end=end)
            at = end


def _markup(html: str, start: int) -> Token:
    if html.startswith("<!--", start):
        return _through(html, start, "-->", Kind.COMMENT)
    if tag := _TAG.match(html, start):
        return _tag(html, tag)
    return _through(html, start, ">", Kind.DECLARATION)


def _through(html: str, start: int, text: str, kind: Kind) -> Token:
    end = html.find(text, start)
    return Token(kind=kind, start=start, end=len(html) if end < 0 else end + len(text))


def _tag(html: str, tag: re.Match[str]) -> Token:
    attributes = []
    at = tag.end()
    while not (ending := _TAG_END.match(html, at)):
        found = _ATTRIBUTE.match(html, at)
        assert found  # whatever does not end the tag begins an attribute
        attributes.append(_attribute(found))
        at = found.end()
    closing = html.startswith("</", tag.start())
    return Token(
        kind=Kind.END if closing else Kind.START,
        start=tag.start(),
        end=ending.end(),
        name=tag.group().lstrip("</").lower(),
        attributes=tuple(attributes),
    )


def _attribute(found: re.Match[str]) -> Attribute:
    group = found.lastgroup or "name"
    has_value = group != "name"
    return Attribute(
        name=found["name"].lower(),
        source=found[group] if has_value else "",
        start=found.start(group) if has_value else 0,
        end=found.end(group) if has_value else 0,
        quoted=group in ("double", "single"),
    )


def _raw_end(html: str, at: int, name: str) -> int:
    ending = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(html, at)
    return ending.start() if ending else len(html)
