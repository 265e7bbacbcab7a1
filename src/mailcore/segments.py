"""Segments: one rule tree, read strictly, written back, and evaluated.

1. `parse_rule` reads what JSON gave; each error names the place and has a code.
2. `dump_rule` writes the same JSON again.
3. `evaluate` says whether the rule holds for a person.  It is the meaning of
   reference: the database's version is compared with it.

A rule is a group, ``{"all": [rule, …]}`` (or ``any``, ``none``), or a leaf,
``{"field": "email", "op": "contains", "value": "anna"}``; a leaf about an attribute
says what it takes the values for: ``{"field": "attribute:age", "type": "number", …}``.
Which fields and operators there are: ``segment_fields``.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from mailcore.segment_fields import (
    ATTRIBUTE,
    ATTRIBUTE_KINDS,
    FIELDS,
    OPERATORS,
    SEPARATOR,
    Kind,
    Operator,
    Person,
    Shape,
    is_number,
    normal_text,
)

__all__ = [
    "Group",
    "How",
    "Leaf",
    "Rule",
    "RuleError",
    "dump_rule",
    "evaluate",
    "leaves_of",
    "parse_rule",
    "read_value",
]

MOST_LEAVES = 50
DEEPEST = 5  # groups within groups
MOST_VALUES = 100
LONGEST_TEXT = 500
LONGEST_KEY = 50
MOST_DAYS = 3650

_KEY = re.compile(rf"[^\W\d]\w{{0,{LONGEST_KEY - 1}}}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class RuleError(ValueError):
    """Something in the rule cannot be taken.

    ``path`` are the numbers of the rules on the way to it, beginning at the root.
    Codes: ``shape``, ``group_empty``, ``too_deep``, ``too_many``, ``field``, ``type``,
    ``operator``, and of a value ``empty``, ``control``, ``too_long``, ``number``,
    ``order``, ``date``, ``days``, ``option``, ``comma``, ``id``, ``too_many_values``.
    """

    def __init__(self, code: str, path: tuple[int, ...] = ()) -> None:
        super().__init__(f"{code} at {'.'.join(map(str, path)) or 'the root'}")
        self.code = code
        self.path = path


class How(StrEnum):
    """How the rules of a group are joined."""

    ALL = "all"
    ANY = "any"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One question; ``value`` is what its operator's shape says, None for nothing."""

    field: str
    op: str
    kind: Kind
    value: Any = None

    @property
    def operator(self) -> Operator:
        return OPERATORS[self.kind][self.op]

    @property
    def attribute(self) -> str:
        """The key of the attribute that is asked about, "" for a field of ours."""
        found = self.field.startswith(ATTRIBUTE)
        return self.field.removeprefix(ATTRIBUTE) if found else ""

    @property
    def normal(self) -> Any:
        """The value as it is compared."""
        if self.kind is not Kind.TEXT or self.operator.shape is Shape.NOTHING:
            return self.value
        if isinstance(self.value, tuple):
            return tuple(normal_text(self.field, text) for text in self.value)
        if self.field == "email" and self.op in {"contains", "begins"}:
            return self.value.lower()
        return normal_text(self.field, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    how: How
    rules: tuple[Rule, ...]


Rule = Leaf | Group


def parse_rule(data: object) -> Rule:
    """Return the rule that JSON describes; RuleError says what is wrong, and where."""
    rule = _parse(data, ())
    if sum(1 for _leaf in leaves_of(rule)) > MOST_LEAVES:
        raise RuleError("too_many")
    return rule


def dump_rule(rule: Rule) -> dict[str, Any]:
    """Return what `parse_rule` reads."""
    if isinstance(rule, Group):
        return {rule.how.value: [dump_rule(one) for one in rule.rules]}
    data: dict[str, Any] = {"field": rule.field, "op": rule.op}
    if rule.attribute:
        data["type"] = rule.kind.value
    if rule.value is not None:
        many = isinstance(rule.value, tuple)
        data["value"] = list(rule.value) if many else rule.value
    return data


def leaves_of(rule: Rule) -> Iterator[Leaf]:
    if isinstance(rule, Leaf):
        yield rule
        return
    for one in rule.rules:
        yield from leaves_of(one)


def evaluate(rule: Rule, person: Person, *, today: dt.date) -> bool:
    """Say whether the rule holds for the person.

    ``person`` has ``email`` (the address's key), ``full_name``, ``comment``; ``created``,
    a day "2026-11-29" in the workspace's zone, as ``today`` is; ``status`` and ``basis``,
    sets of words; ``list``, a set of ids; ``mailing``, pairs of a mailing's id and the
    day when its letter was accepted; ``attributes``, a mapping of texts.
    """
    if isinstance(rule, Leaf):
        value = _value_of(person, rule)
        return rule.operator.holds(value, rule.normal, today)
    results = (evaluate(one, person, today=today) for one in rule.rules)
    if rule.how is How.ALL:
        return all(results)
    return any(results) == (rule.how is How.ANY)


def _value_of(person: Person, leaf: Leaf) -> Any:
    if leaf.attribute:
        value = person["attributes"].get(leaf.attribute, "")
        return normal_text("", value) if leaf.kind is Kind.TEXT else value
    if leaf.field == "domain":
        return person["email"].rpartition("@")[2]
    if leaf.field == "email":
        return person["email"]
    value = person[leaf.field]
    return normal_text(leaf.field, value) if leaf.kind is Kind.TEXT else value


def _parse(data: object, path: tuple[int, ...]) -> Rule:
    if not isinstance(data, Mapping):
        raise RuleError("shape", path)
    if "field" in data:
        return _parse_leaf(data, path)
    if len(data) != 1:
        raise RuleError("shape", path)
    ((how, rules),) = data.items()
    if how not in list(How) or not isinstance(rules, list):
        raise RuleError("shape", path)
    if not rules:
        raise RuleError("group_empty", path)
    if len(path) >= DEEPEST:
        raise RuleError("too_deep", path)
    if len(rules) > MOST_LEAVES:
        raise RuleError("too_many", path)
    parsed = tuple(_parse(one, (*path, n)) for n, one in enumerate(rules))
    return Group(how=How(how), rules=parsed)


def _parse_leaf(data: Mapping[Any, Any], path: tuple[int, ...]) -> Leaf:
    if not set(data) <= {"field", "op", "type", "value"}:
        raise RuleError("shape", path)
    kind = _kind(data, path)
    operator = OPERATORS[kind].get(data["op"] if _is_text(data.get("op")) else "")
    if not operator:
        raise RuleError("operator", path)
    options = FIELDS[data["field"]].options if data["field"] in FIELDS else ()
    try:
        value = read_value(operator.shape, data.get("value"), options=options)
    except RuleError as error:
        raise RuleError(error.code, path) from error
    return Leaf(field=data["field"], op=data["op"], kind=kind, value=value)


def _kind(data: Mapping[Any, Any], path: tuple[int, ...]) -> Kind:
    name, given = data["field"], data.get("type")
    if not _is_text(name):
        raise RuleError("field", path)
    if name in FIELDS and "type" not in data:
        return FIELDS[name].kind
    if not name.startswith(ATTRIBUTE) or not _KEY.fullmatch(name, len(ATTRIBUTE)):
        raise RuleError("field", path)
    if not _is_text(given) or given not in ATTRIBUTE_KINDS:
        raise RuleError("type", path)
    return Kind(given)


def read_value(shape: Shape, value: object, *, options: tuple[str, ...] = ()) -> Any:
    """Return the value in its shape; RuleError (without a path) says what is wrong."""
    if shape in {Shape.OPTION, Shape.OPTIONS}:
        many = _many(value, _text) if shape is Shape.OPTIONS else (_text(value),)
        if not set(many) <= set(options):
            raise RuleError("option")
        return many if shape is Shape.OPTIONS else many[0]
    return _READERS[shape](value)


def _nothing(value: object) -> None:
    if value is not None:
        raise RuleError("shape")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise RuleError("shape")
    text = unicodedata.normalize("NFC", value.strip())
    if _CONTROL.search(text):
        raise RuleError("control")
    if len(text) > LONGEST_TEXT:
        raise RuleError("too_long")
    if not text:
        raise RuleError("empty")
    return text


def _choice(value: object) -> str:
    text = _text(value)
    if "," in text:
        raise RuleError("comma")
    return text


def _number(value: object) -> float | int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RuleError("number")
    if not abs(value) < 10**15:
        raise RuleError("number")
    text = f"{value:.6f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))
    if not is_number(text) or float(text) != value:
        raise RuleError("number")
    return value


def _numbers(value: object) -> tuple[float | int, ...]:
    pair = _many(value, _number, most=2)
    if len(pair) != 2:
        raise RuleError("shape")
    if pair[0] > pair[1]:
        raise RuleError("order")
    return pair


def _date(value: object) -> str:
    if not isinstance(value, str) or len(value) != 10:
        raise RuleError("date")
    try:
        return dt.date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise RuleError("date") from error


def _days(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise RuleError("days")
    if not 0 <= value <= MOST_DAYS:
        raise RuleError("days")
    return value


def _id(value: object) -> str:
    if not isinstance(value, str) or len(value) > 40:
        raise RuleError("id")
    try:
        return str(UUID(value))
    except ValueError as error:
        raise RuleError("id") from error


def _many(
    value: object, read: Callable[[object], Any], *, most: int = MOST_VALUES
) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise RuleError("shape")
    if not value:
        raise RuleError("empty")
    if len(value) > most:
        raise RuleError("too_many_values")
    return tuple(read(one) for one in value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_READERS: dict[Shape, Callable[[object], Any]] = {
    Shape.NOTHING: _nothing,
    Shape.TEXT: _text,
    Shape.TEXTS: lambda value: _many(value, _text),
    Shape.NUMBER: _number,
    Shape.NUMBERS: _numbers,
    Shape.DATE: _date,
    Shape.DAYS: _days,
    Shape.CHOICE: _choice,
    Shape.CHOICES: lambda value: _many(value, _choice),
    Shape.LISTS: lambda value: _many(value, _id),
    Shape.MAILING: _id,
}
assert SEPARATOR.strip() == ","  # what _choice refuses
