"""A rule while it is being built: what the form's inputs say, right or wrong.

The place of each part in the tree is in the names of its inputs: ``field:0.2`` is what
the third part of the first group asks about, the root's own place is "".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from mailcore.segment_fields import ATTRIBUTE, FIELDS, OPERATORS, Kind, Shape
from mailcore.segments import (
    DEEPEST,
    MOST_LEAVES,
    Group,
    How,
    Leaf,
    Rule,
    RuleError,
    parse_rule,
)
from pochtar.recipients.attribute_values import BadValue, coerce_value

MOST_PARTS = 2 * MOST_LEAVES
MOST_VALUES = 200


@dataclass(slots=True, kw_only=True)
class DraftLeaf:
    field: str = "email"
    op: str = ""
    values: list[str] = dataclasses.field(default_factory=list)
    error: str = ""  # code of a RuleError

    def operator(self, kind: Kind) -> str:
        """Return the operator: the chosen one, or the first where it does not fit."""
        return self.op if self.op in OPERATORS[kind] else next(iter(OPERATORS[kind]))


@dataclass(slots=True, kw_only=True)
class DraftGroup:
    how: str = How.ALL.value
    parts: list[DraftLeaf | DraftGroup] = dataclasses.field(default_factory=list)
    error: str = ""

    def part(self, path: tuple[int, ...]) -> DraftLeaf | DraftGroup | None:
        if not path:
            return self
        if path[0] >= len(self.parts):
            return None
        part = self.parts[path[0]]
        if len(path) == 1:
            return part
        return part.part(path[1:]) if isinstance(part, DraftGroup) else None


def read_draft(data: QueryDict) -> DraftGroup:
    """Return what the form says; at most so much as a rule may have."""
    group = _read_group(data, ())
    return group if group.parts else DraftGroup(how=group.how, parts=[DraftLeaf()])


def _read_group(data: QueryDict, path: tuple[int, ...]) -> DraftGroup:
    how = data.get(f"how:{name_of(path)}", "")
    group = DraftGroup(how=how if how in list(How) else How.ALL.value)
    for number in range(MOST_PARTS):
        place = (*path, number)
        name = name_of(place)
        if f"how:{name}" in data and len(place) < DEEPEST:
            group.parts.append(_read_group(data, place))
        elif f"field:{name}" in data:
            group.parts.append(
                DraftLeaf(
                    field=data.get(f"field:{name}", ""),
                    op=data.get(f"op:{name}", ""),
                    values=data.getlist(f"value:{name}")[:MOST_VALUES],
                )
            )
        else:
            break
    return group


def name_of(path: tuple[int, ...]) -> str:
    return ".".join(map(str, path))


def path_of(name: str) -> tuple[int, ...] | None:
    parts = name.split(".") if name else []
    if len(parts) > DEEPEST or not all(p.isascii() and p.isdigit() for p in parts):
        return None
    return tuple(int(part[:4]) for part in parts)


def change_draft(draft: DraftGroup, wish: str) -> None:
    """Do what a button asks for: ``add:0.1``, ``group:``, ``remove:0.2``."""
    verb, _colon, name = wish.partition(":")
    path = path_of(name)
    if path is None:
        return
    part = draft.part(path)
    if verb == "remove" and path:
        _remove(draft, path)
    elif isinstance(part, DraftGroup) and len(part.parts) < MOST_LEAVES:
        if verb == "add":
            part.parts.append(DraftLeaf())
        elif verb == "group" and len(path) + 1 < DEEPEST:
            part.parts.append(DraftGroup(how=How.ANY.value, parts=[DraftLeaf()]))


def _remove(draft: DraftGroup, path: tuple[int, ...]) -> None:
    parent = draft.part(path[:-1])
    if isinstance(parent, DraftGroup) and path[-1] < len(parent.parts):
        del parent.parts[path[-1]]
    if not draft.parts:
        draft.parts.append(DraftLeaf())


def draft_of(rule: Rule) -> DraftGroup:
    """Return the draft of a saved rule."""
    if isinstance(rule, Leaf):
        return DraftGroup(parts=[_draft_leaf(rule)])
    return _draft_group(rule)


def _draft_group(group: Group) -> DraftGroup:
    parts = [
        _draft_leaf(one) if isinstance(one, Leaf) else _draft_group(one)
        for one in group.rules
    ]
    return DraftGroup(how=group.how.value, parts=parts)


def _draft_leaf(leaf: Leaf) -> DraftLeaf:
    value = leaf.value
    many = value if isinstance(value, tuple) else () if value is None else (value,)
    values = [_plain(one) for one in many]
    if leaf.operator.shape is Shape.TEXTS:
        values = ["\n".join(values)]
    return DraftLeaf(field=leaf.field, op=leaf.op, values=values)


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return str(value)


def rule_of(draft: DraftGroup, kinds: dict[str, Kind]) -> Rule | None:
    """Return the rule, or None when something is wrong; the errors stand in the draft."""
    right = True
    for leaf in leaves(draft):
        try:
            parse_rule(_leaf_json(leaf, kinds))
        except RuleError as error:
            leaf.error, right = error.code, False
    if not right:
        return None
    try:
        return parse_rule(_json(draft, kinds))
    except RuleError as error:
        part = draft.part(error.path)
        (part or draft).error = error.code
        return None


def leaves(draft: DraftGroup) -> Iterator[DraftLeaf]:
    for part in draft.parts:
        if isinstance(part, DraftLeaf):
            yield part
        else:
            yield from leaves(part)


def kind_of(leaf: DraftLeaf, kinds: dict[str, Kind]) -> Kind:
    """Return the kind of what the leaf asks about; an attribute that has gone is text."""
    if leaf.field in FIELDS:
        return FIELDS[leaf.field].kind
    return kinds.get(leaf.field.removeprefix(ATTRIBUTE), Kind.TEXT)


def _json(part: DraftLeaf | DraftGroup, kinds: dict[str, Kind]) -> dict[str, Any]:
    if isinstance(part, DraftLeaf):
        return _leaf_json(part, kinds)
    return {part.how: [_json(one, kinds) for one in part.parts]}


def _leaf_json(leaf: DraftLeaf, kinds: dict[str, Kind]) -> dict[str, Any]:
    kind = kind_of(leaf, kinds)
    op = leaf.operator(kind)
    data: dict[str, Any] = {"field": leaf.field, "op": op}
    if leaf.field not in FIELDS:
        data["type"] = kind.value
    value = _value(OPERATORS[kind][op].shape, leaf.values)
    return data if value is None else {**data, "value": value}


def _value(shape: Shape, values: list[str]) -> Any:
    """Return what the inputs hold as JSON would; what is wrong stays as it is."""
    match shape:
        case Shape.NOTHING:
            return None
        case Shape.NUMBER:
            return _number(values[0]) if values else ""
        case Shape.NUMBERS:
            return [_number(one) for one in values]
        case Shape.DAYS:
            text = values[0].strip() if values else ""
            return int(text[:6]) if text.isascii() and text.isdigit() else text
        case Shape.TEXTS:
            lines = values[0].splitlines() if values else []
            return [line for line in lines if line.strip()]
        case Shape.OPTIONS | Shape.CHOICES | Shape.LISTS:
            return [one for one in values if one]
    return values[0] if values else ""


def _number(text: str) -> float | str:
    number = coerce_value("number", text)
    return text if isinstance(number, BadValue) or not number else float(number)
