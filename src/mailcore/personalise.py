"""Merge fields: the little language inside ``{{ … }}`` of a message.

1. `parse_template` cuts the source at its fields; each is a name with filters:
   ``{{ city }}``, ``{{ full_name | default("friend") | title }}``.
2. `check_names` compares the names with those that the workspace knows.
3. `render_text` and `render_html` put one recipient's values in.  A value is data: it is
   never read as a template, and in HTML it is escaped (see `mailcore.places`).

There is no logic in it: block tags are refused, with their line.  Editors turn straight
quotes into typographic ones and HTML editors write them as entities, so both are read.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from operator import itemgetter
from typing import Any

from mailcore.places import (
    Place,
    Url,
    escape_all,
    find_places,
    is_safe_url,
)

__all__ = [
    "Field",
    "HtmlTemplate",
    "Lookup",
    "MissingValue",
    "Template",
    "TemplateError",
    "check_names",
    "parse_template",
    "picker",
    "render_html",
    "render_text",
]

FILTERS: dict[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "capitalize": str.capitalize,
    "title": str.title,
}
BLOCKED_URL = "#"

_OPENING = re.compile(r"\{\{|\{%|\{#")
_WORD = re.compile(r"[^\s|(){}]{1,30}|.", re.DOTALL)
_SPACE = re.compile(r"(?:\s|\u200b|\ufeff|&nbsp;|&#160;)*")
_NAME = re.compile("[^\\W\\d][\\w\u0300-\u036f]{0,49}(?![\\w\u0300-\u036f])")
_STRAIGHT = r'"|&quot;|&\#34;|&\#x22;'
_SINGLE = r"'|&apos;|&\#0?39;|&\#x27;"
_CURLY = r"“|”|„|&ldquo;|&rdquo;|&bdquo;"
_CURLY_SINGLE = r"‘|’|‚|&lsquo;|&rsquo;|&sbquo;"
_STRING = re.compile(
    rf"""
    (?:{_STRAIGHT}) (?P<straight>(?:\\.|[^\\]){{0,500}}?) (?:{_STRAIGHT})
  | (?:{_SINGLE})   (?P<single>(?:\\.|[^\\]){{0,500}}?)   (?:{_SINGLE})
  | (?:{_CURLY})    (?P<curly>.{{0,500}}?)    (?:{_CURLY})
  | (?:{_CURLY_SINGLE}) (?P<curly_single>.{{0,500}}?) (?:{_CURLY_SINGLE})
  | (?:«|&laquo;)   (?P<guillemets>.{{0,500}}?) (?:»|&raquo;)
    """,
    re.DOTALL | re.VERBOSE,
)
_ESCAPED = re.compile(r"\\([\\\"'])")
_SENTENCES = {
    "unclosed": "{{ without }}",
    "syntax": "not understood",
    "unknown_name": "no such merge field",
    "unknown_filter": "no such filter",
    "logic": "block tags and comments are not supported",
    "place": "a merge field cannot stand here",
}


class TemplateError(ValueError):
    """The source is no template; says where (from 1) and, by ``code``, why.

    Codes: ``unclosed``, ``syntax``, ``unknown_name``, ``unknown_filter``, ``logic``,
    ``place``.  ``name`` is the word or the character that was not understood.
    """

    def __init__(self, code: str, *, line: int, column: int, name: str = "") -> None:
        super().__init__(f"{line}:{column}: {_SENTENCES[code]}: {name}")
        self.code = code
        self.line = line
        self.column = column
        self.name = name


class MissingValue(LookupError):
    """The recipient has no value for the field, and the field has no default."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    name: str
    # In order: a filter's name with None, or "default" with its text.
    filters: tuple[tuple[str, str | None], ...] = ()
    line: int = 1
    column: int = 1

    @property
    def has_default(self) -> bool:
        return any(name == "default" for name, _ in self.filters)

    def resolve(self, values: Mapping[str, str]) -> str:
        """Return the text to show, or raise `MissingValue`."""
        value = values.get(self.name, "")
        if not self.filters:
            if not value or value.isspace():
                raise MissingValue(self.name)
            return value
        for name, text in self.filters:
            if text is None:
                value = FILTERS[name](value)
            elif not value.strip():
                value = text
        if not value.strip() and not self.has_default:
            raise MissingValue(self.name)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    parts: tuple[str | Field, ...]
    fields: tuple[Field, ...] = field(init=False)
    names: frozenset[str] = field(init=False)
    required: frozenset[str] = field(init=False)  # used somewhere without a default

    def __post_init__(self) -> None:
        fields = tuple(part for part in self.parts if isinstance(part, Field))
        object.__setattr__(self, "fields", fields)
        object.__setattr__(self, "names", frozenset(each.name for each in fields))
        required = frozenset(each.name for each in fields if not each.has_default)
        object.__setattr__(self, "required", required)

    def resolve(self, values: Mapping[str, str]) -> list[str]:
        """Return what stands in place of every field, or raise `MissingValue`."""
        return [each.resolve(values) for each in self.fields]

    @property
    def statics(self) -> tuple[str | None, ...]:
        """The parts with None in place of every field."""
        return tuple(part if isinstance(part, str) else None for part in self.parts)


def parse_template(source: str) -> Template:
    """Cut the source at its merge fields, or raise `TemplateError`."""
    parts: list[str | Field] = []
    map_ = _Map(source)
    # A style sheet may say "{#id"; only what is closed as well is meant as a comment.
    last_comment_end = source.rfind("#}")
    done = search_from = 0
    while opening := _OPENING.search(source, search_from):
        start = opening.start()
        if opening.group() == "{#" and start > last_comment_end:
            search_from = start + 2
            continue
        if opening.group() != "{{":
            raise map_.error("logic", start, opening.group())
        if start > done:
            parts.append(source[done:start])
        reader = _Reader(map_, start)
        parts.append(reader.read_field())
        done = search_from = reader.at
    if done < len(source):
        parts.append(source[done:])
    return Template(parts=tuple(parts))


def check_names(template: Template, known: Collection[str]) -> None:
    """Raise `TemplateError` at the first field whose name is not known."""
    for each in template.fields:
        if each.name not in known:
            raise TemplateError(
                "unknown_name", line=each.line, column=each.column, name=each.name
            )


def render_text(template: Template, values: Mapping[str, str]) -> str:
    """Put the values in as they are, or raise `MissingValue`."""
    return "".join(
        part if isinstance(part, str) else part.resolve(values)
        for part in template.parts
    )


def render_html(template: Template, values: Mapping[str, str]) -> str:
    """Put the values in as text of the page, or raise `MissingValue`.

    A web address that a value has made dangerous becomes ``#``.
    """
    return HtmlTemplate(template=template).render(values)


@dataclass(frozen=True, kw_only=True)
class HtmlTemplate:
    """A template of HTML that knows where in the markup its fields stand.

    Raises `TemplateError` (``place``) for a field where no escaping could help: in a
    script, in a style sheet, in the name of a tag, in an attribute without quotes.
    """

    template: Template

    def __post_init__(self) -> None:
        for each, place in zip(self.template.fields, self._places[0], strict=True):
            if place is Place.FORBIDDEN:
                raise TemplateError(
                    "place", line=each.line, column=each.column, name=each.name
                )

    @cached_property
    def _places(self) -> tuple[tuple[Place, ...], tuple[Url, ...]]:
        return find_places(self.template.statics)

    @property
    def urls(self) -> tuple[Url, ...]:
        """The web addresses whose scheme depends on fields."""
        return self._places[1]

    def slots(self, values: Mapping[str, str]) -> Sequence[str]:
        """Return what stands in place of every field, escaped."""
        return self.safe(self.template.resolve(values))

    def safe(self, texts: Sequence[str]) -> Sequence[str]:
        """Return the fields' texts escaped, and "#" where one makes a bad address."""
        plain = list(texts)
        for url in self.urls:
            if not is_safe_url(url.render(plain)):
                for index in url.fields:
                    plain[index] = BLOCKED_URL
        return escape_all(plain)

    def render(self, values: Mapping[str, str]) -> str:
        slots = iter(self.slots(values))
        return "".join(
            part if isinstance(part, str) else next(slots)
            for part in self.template.parts
        )


class Lookup:
    """The fields of several templates, each distinct one looked up once a letter."""

    def __init__(self, templates: Sequence[Template]) -> None:
        fields = [each for template in templates for each in template.fields]
        plain = [each for each in fields if not each.filters]
        names = list(dict.fromkeys(each.name for each in plain))
        filtered = {(each.name, each.filters): each for each in fields if each.filters}
        self._plain = plain
        self._pick = picker(names)
        self._filtered = tuple(filtered.values())
        keys = [*((name, ()) for name in names), *filtered]
        self._places = {key: place for place, key in enumerate(keys)}

    def places(self, template: Template) -> tuple[int, ...]:
        """Say which of the texts stands in place of every field of the template."""
        return tuple(self._places[each.name, each.filters] for each in template.fields)

    def resolve(self, values: Mapping[str, str]) -> Sequence[str]:
        """Return the text of every distinct field, or raise `MissingValue`."""
        try:
            texts = self._pick(values)
        except KeyError as error:
            raise MissingValue(str(error.args[0])) from None
        if not all(map(str.strip, texts)):
            for each in self._plain:
                each.resolve(values)
        if self._filtered:
            return (*texts, *[each.resolve(values) for each in self._filtered])
        return texts


def picker(keys: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what takes the values at the keys out of a mapping or a sequence."""
    if len(keys) > 1:
        return itemgetter(*keys)  # a loop in C
    if not keys:
        return lambda values: ()
    (key,) = keys
    return lambda values: (values[key],)


class _Map:
    """The source, and the line and column of every offset in it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.line_starts = [0, *(each.end() for each in re.finditer("\n", source))]

    def locate(self, at: int) -> tuple[int, int]:
        line = bisect_right(self.line_starts, at)
        return line, at - self.line_starts[line - 1] + 1

    def error(self, code: str, at: int, name: str = "") -> TemplateError:
        line, column = self.locate(at)
        return TemplateError(code, line=line, column=column, name=name)


class _Reader:
    """Reads one ``{{ … }}``, knowing where it is in the source."""

    def __init__(self, map_: _Map, start: int) -> None:
        self.map = map_
        self.source = map_.source
        self.start = start
        self.at = start + 2

    def read_field(self) -> Field:
        self._skip_space()
        line, column = self.map.locate(self.at)
        name = self._name()
        filters: list[tuple[str, str | None]] = []
        while self._accept("|"):
            filters.append(self._filter())
        if not self._accept("}}"):
            raise self._refused()
        return Field(name=name, filters=tuple(filters), line=line, column=column)

    def _filter(self) -> tuple[str, str | None]:
        self._skip_space()
        at = self.at
        name = self._name()
        if name == "default":
            return name, self._argument()
        if name not in FILTERS:
            raise self.map.error("unknown_filter", at, name)
        return name, None

    def _argument(self) -> str:
        if not self._accept("("):
            raise self._refused()
        self._skip_space()
        at = self.at
        match = _STRING.match(self.source, at)
        if not match or not match.lastgroup:
            raise self._refused()
        self.at = match.end()
        if not self._accept(")"):
            self.at = at
            raise self._refused()
        return _ESCAPED.sub(r"\1", unescape(match[match.lastgroup]))

    def _name(self) -> str:
        match = _NAME.match(self.source, self.at)
        if not match:
            raise self._refused()
        self.at = match.end()
        return unicodedata.normalize("NFC", match.group())

    def _accept(self, token: str) -> bool:
        self._skip_space()
        if self.source.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def _skip_space(self) -> None:
        match = _SPACE.match(self.source, self.at)
        self.at = match.end() if match else self.at

    def _refused(self) -> TemplateError:
        closing = self.source.find("}}", self.at)
        if closing < 0 or "{{" in self.source[self.at : closing]:
            return self.map.error("unclosed", self.start, "{{")
        found = _WORD.match(self.source, self.at)
        return self.map.error("syntax", self.at, found.group() if found else "")
