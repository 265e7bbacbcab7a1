"""The form of a segment: its name, and the rule as a tree of inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from mailcore.segment_fields import ATTRIBUTE, FIELDS, OPERATORS, Kind, Shape
from mailcore.segments import DEEPEST, How, Rule, parse_rule
from pochtar.accounts.models import Workspace
from pochtar.mailings.models import Mailing
from pochtar.recipients.models import Attribute, RecipientList, Segment
from pochtar.recipients.segment_words import (
    ERRORS,
    FIELD_NAMES,
    OPERATOR_NAMES,
    OPTION_NAMES,
    Words,
)
from pochtar.web.forms.segment_draft import (
    DraftGroup,
    DraftLeaf,
    change_draft,
    draft_of,
    kind_of,
    leaves,
    name_of,
    read_draft,
    rule_of,
)

MOST_LISTS = 500
MOST_MAILINGS = 200
Choices = list[tuple[str, Words]]

HOW_NAMES: Choices = [
    (How.ALL.value, _("all of these hold")),
    (How.ANY.value, _("at least one of these holds")),
    (How.NONE.value, _("none of these holds")),
]
WRONG = _("Something is wrong here.")


class SegmentForm(forms.Form):
    name = forms.CharField(
        label=_("Segment name"),
        max_length=120,
        error_messages={"required": _("Give the segment a name.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafInputs:
    """What the template draws for one condition."""

    name: str
    field: str
    op: str
    ops: Choices
    shape: str
    values: list[str]
    choices: Choices
    error: Words
    is_leaf: bool = True

    @property
    def first(self) -> str:
        return self.values[0] if self.values else ""

    @property
    def second(self) -> str:
        return self.values[1] if len(self.values) > 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupInputs:
    name: str
    how: str
    parts: list[Any]
    may_nest: bool
    error: Words
    is_leaf: bool = False


class SegmentPage:
    """The form as a whole: what was typed, its errors, and the tree to draw."""

    def __init__(
        self,
        workspace: Workspace,
        data: QueryDict | None = None,
        *,
        segment: Segment | None = None,
    ) -> None:
        self.workspace = workspace
        self.attributes = list(
            Attribute.objects.of(workspace).order_by("position", "key")
        )
        self.kinds = {row.key: Kind(row.type) for row in self.attributes}
        if data is not None:
            self.draft = read_draft(data)
            change_draft(self.draft, data.get("do", ""))
        elif segment:
            self.draft = draft_of(parse_rule(segment.rule))
        else:
            self.draft = DraftGroup(parts=[DraftLeaf()])
        judged = data is not None and "do" not in data and "count" not in data
        name = data.get("name", "") if data is not None else ""
        if segment and data is None:
            name = segment.name
        self.form = SegmentForm(data if judged else None, initial={"name": name})

    def is_valid(self) -> bool:
        # Both, so that every error is shown at once.
        return all([self.form.is_valid(), self.rule() is not None])

    def rule(self) -> Rule | None:
        return rule_of(self.draft, self.kinds)

    @property
    def has_errors(self) -> bool:
        return bool(self.form.errors) or self._draft_is_wrong(self.draft)

    def _draft_is_wrong(self, draft: DraftGroup) -> bool:
        nested = [part for part in draft.parts if isinstance(part, DraftGroup)]
        return bool(
            draft.error
            or any(leaf.error for leaf in leaves(draft))
            or any(self._draft_is_wrong(part) for part in nested)
        )

    @property
    def fields(self) -> list[tuple[Words, Choices]]:
        """What a condition can be about, in groups."""
        own: Choices = [(name, FIELD_NAMES[name]) for name in FIELDS]
        found: Choices = [(ATTRIBUTE + row.key, str(row)) for row in self.attributes]
        # Attributes that rules still ask for, though their definition is gone.
        known = {value for value, _label in [*own, *found]}
        asked = dict.fromkeys(leaf.field for leaf in leaves(self.draft))
        found += [
            (name, name.removeprefix(ATTRIBUTE)) for name in asked if name not in known
        ]
        groups: list[tuple[Words, Choices]] = [
            (_("Recipient"), own[:-2]),
            (_("Lists and mailings"), own[-2:]),
        ]
        return [*groups, (_("Attributes"), found)] if found else groups

    @property
    def hows(self) -> Choices:
        return HOW_NAMES

    @property
    def tree(self) -> GroupInputs:
        return self._group(self.draft, ())

    def _group(self, group: DraftGroup, path: tuple[int, ...]) -> GroupInputs:
        parts = [
            self._group(part, (*path, number))
            if isinstance(part, DraftGroup)
            else self._leaf(part, (*path, number))
            for number, part in enumerate(group.parts)
        ]
        return GroupInputs(
            name=name_of(path),
            how=group.how,
            parts=parts,
            may_nest=len(path) + 1 < DEEPEST,
            error=ERRORS.get(group.error, WRONG) if group.error else "",
        )

    def _leaf(self, leaf: DraftLeaf, path: tuple[int, ...]) -> LeafInputs:
        kind = kind_of(leaf, self.kinds)
        op = leaf.operator(kind)
        shape = OPERATORS[kind][op].shape
        # A condition that is about something else now keeps no value of the old kind.
        return LeafInputs(
            name=name_of(path),
            field=leaf.field,
            op=op,
            ops=[(name, OPERATOR_NAMES[name]) for name in OPERATORS[kind]],
            shape=shape.value,
            values=leaf.values,
            choices=self._choices(leaf, shape),
            error=ERRORS.get(leaf.error, WRONG) if leaf.error else "",
        )

    def _choices(self, leaf: DraftLeaf, shape: Shape) -> Choices:
        match shape:
            case Shape.OPTION | Shape.OPTIONS:
                return [(one, OPTION_NAMES[one]) for one in FIELDS[leaf.field].options]
            case Shape.LISTS:
                rows = RecipientList.objects.of(self.workspace).order_by("name")
                return _pairs(rows[:MOST_LISTS])
            case Shape.MAILING:
                sent = Mailing.objects.of(self.workspace).filter(run__isnull=False)
                return _pairs(sent.order_by("-pk")[:MOST_MAILINGS])
            case Shape.CHOICE | Shape.CHOICES:
                return self._options(leaf)
        return []

    def _options(self, leaf: DraftLeaf) -> Choices:
        key = leaf.field.removeprefix(ATTRIBUTE)
        defined: list[str] = next(
            (r.options for r in self.attributes if r.key == key), []
        )
        # One that was chosen before and is offered no more stays in sight.
        return [(one, one) for one in dict.fromkeys([*defined, *leaf.values]) if one]


def _pairs(rows: Any) -> Choices:
    return [(str(row.pk), row.name) for row in rows]
