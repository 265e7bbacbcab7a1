"""A segment's rule as a condition of the ORM, the same on both databases.

Each kind of field has one function in `_CONDITIONS`; what it must agree with is
`mailcore.segment_fields`.  No condition is ever NULL, so that a negation is the exact
opposite: a missing attribute is read as an empty text.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any
from uuid import UUID

from django.db.models import Case, Exists, F, FloatField, OuterRef, Q, When
from django.db.models.fields import BooleanField
from django.db.models.functions import Cast, Length, Substr
from django.db.models.lookups import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    LessThan,
    LessThanOrEqual,
    Lookup,
    Regex,
)

from mailcore.folding import escaped, pattern
from mailcore.segment_fields import (
    DATE,
    LONGEST_NUMBER,
    NO,
    NUMBER,
    SEPARATOR,
    YES,
    Kind,
    days_around,
)
from mailcore.segments import How, Leaf, Rule
from pochtar.accounts.models import Workspace
from pochtar.recipients.attribute_text import AttributeText, PlainText
from pochtar.recipients.models import Subscription
from pochtar.recipients.search import LAST
from pochtar.recipients.segment_sources import mailings
from pochtar.recipients.statuses import STATUSES


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where and when the question is asked."""

    workspace: Workspace
    now: dt.datetime

    @property
    def today(self) -> dt.date:
        return self.now.astimezone(self.workspace.tz).date()

    def start_of(self, day: dt.date | str) -> dt.datetime:
        day = dt.date.fromisoformat(day) if isinstance(day, str) else day
        return dt.datetime.combine(day, dt.time(), tzinfo=self.workspace.tz)

    def start_after(self, day: dt.date | str) -> dt.datetime:
        day = dt.date.fromisoformat(day) if isinstance(day, str) else day
        if day == dt.date.max:
            return dt.datetime.max.replace(tzinfo=dt.UTC)
        return self.start_of(day + dt.timedelta(days=1))


def condition_of(rule: Rule, *, workspace: Workspace, now: dt.datetime) -> Q:
    """Return the condition on recipients of the workspace that the rule is."""
    return _condition(rule, _Place(workspace=workspace, now=now))


def _condition(rule: Rule, place: _Place) -> Q:
    if isinstance(rule, Leaf):
        return _CONDITIONS[rule.kind](rule, place)
    parts = [_condition(one, place) for one in rule.rules]
    if rule.how is How.ANY:
        return reduce(Q.__or__, parts)
    if rule.how is How.NONE:
        # Each for itself: PostgreSQL joins what is no part of an OR.
        parts = [~part for part in parts]
    return reduce(Q.__and__, parts)


def _opposite(leaf: Leaf) -> Leaf | None:
    """Return the question that the leaf answers with its opposite."""
    positive = {
        "is_not": "is",
        "filled": "empty",
        "none": "any",
        "not_in": "in",
        "not_received": "received",
        "not_received_last": "received_last",
    }.get(leaf.op)
    if positive is None:
        return None
    return Leaf(field=leaf.field, op=positive, kind=leaf.kind, value=leaf.value)


Condition = Callable[[Leaf, _Place], Q]


def _with_opposites(condition: Condition) -> Condition:
    def compiled(leaf: Leaf, place: _Place) -> Q:
        opposite = _opposite(leaf)
        return ~condition(opposite, place) if opposite else condition(leaf, place)

    return compiled


def _text(leaf: Leaf, place: _Place) -> Q:
    if leaf.field in {"email", "full_name"}:
        return _folded("email_key" if leaf.field == "email" else "name_key", leaf)
    if leaf.field == "domain":
        return _domain(leaf)
    return _typed(_column(leaf), leaf)


def _folded(column: str, leaf: Leaf) -> Q:
    """Compare a column that is stored folded: a range of its index where it can be."""
    text = leaf.normal
    match leaf.op:
        case "is":
            return Q(**{column: text})
        case "one_of":
            return Q(**{f"{column}__in": text})
        case "contains":
            return Q(**{f"{column}__contains": text})
        case "begins":
            return Q(**{f"{column}__gte": text, f"{column}__lt": text + LAST})
    return Q(**{column: ""})


def _domain(leaf: Leaf) -> Q:
    texts = leaf.normal if leaf.op == "one_of" else (leaf.normal,)
    match leaf.op:
        case "is" | "one_of":
            return reduce(Q.__or__, (Q(email_key__endswith=f"@{t}") for t in texts))
        case "contains":
            return Q(email_key__regex=rf"@[^@]*{escaped(texts[0])}[^@]*\Z")
        case "begins":
            return Q(email_key__regex=rf"@{escaped(texts[0])}[^@]*\Z")
    return Q(email_key__endswith="@")


def _column(leaf: Leaf) -> Any:
    if not leaf.attribute:
        return PlainText(F(leaf.field))
    return AttributeText(F("attributes"), leaf.attribute)


def _typed(column: Any, leaf: Leaf) -> Q:
    """Compare a text that is stored as it was typed."""
    match leaf.op:
        case "is":
            return Q(Regex(column, rf"\A{pattern(leaf.normal)}\Z"))
        case "one_of":
            either = "|".join(map(pattern, leaf.normal))
            return Q(Regex(column, rf"\A(?:{either})\Z"))
        case "contains":
            return Q(Regex(column, pattern(leaf.normal)))
        case "begins":
            return Q(Regex(column, rf"\A{pattern(leaf.normal)}"))
    return _empty(column)


def _empty(column: Any) -> Q:
    return Q(Exact(column, ""))


_COMPARISONS: dict[str, type[Lookup[Any]]] = {
    "is": Exact,
    "lt": LessThan,
    "le": LessThanOrEqual,
    "ge": GreaterThanOrEqual,
    "gt": GreaterThan,
}


def _number(leaf: Leaf, place: _Place) -> Q:
    column = _column(leaf)
    if leaf.op == "empty":
        return _empty(column)
    number = Cast(column, FloatField())
    if leaf.op == "between":
        low, high = map(float, leaf.value)
        holds = Q(GreaterThanOrEqual(number, low)) & Q(LessThanOrEqual(number, high))
    else:
        holds = Q(_COMPARISONS[leaf.op](number, float(leaf.value)))
    is_number = Q(Regex(column, NUMBER)) & Q(
        LessThanOrEqual(Length(column), LONGEST_NUMBER)
    )
    return _first(is_number, holds)


def _first(condition: Q, then: Q) -> Q:
    """Return both, and have the first looked at first.

    PostgreSQL is free to begin with either, and would read as a number what is none, or
    run a regular expression over a million texts that a comparison rules out.
    """
    inner = Case(When(then, then=True), default=False, output_field=BooleanField())
    both = When(condition, then=inner)
    return Q(Case(both, default=False, output_field=BooleanField()))


def _date(leaf: Leaf, place: _Place) -> Q:
    column = _column(leaf)
    is_date = Q(Regex(column, DATE))
    match leaf.op:
        case "empty":
            return _empty(column)
        case "on":
            return Q(Exact(column, leaf.value))
        case "before":
            return _first(Q(LessThan(column, leaf.value)), is_date)
        case "after":
            return _first(Q(GreaterThan(column, leaf.value)), is_date)
        case "anniversary":
            return _anniversary(column, leaf.value, place.today, is_date)
    days = dt.timedelta(days=leaf.value)
    today = place.today
    first, last = (today - days, today) if leaf.op == "last" else (today, today + days)
    return _first(
        Q(GreaterThanOrEqual(column, first.isoformat()))
        & Q(LessThanOrEqual(column, last.isoformat())),
        is_date,
    )


def _anniversary(column: Any, days: int, today: dt.date, is_date: Q) -> Q:
    if days >= 365:
        return is_date
    first, last = days_around(today, days)
    day = PlainText(Substr(column, 6))
    begun, not_over = Q(GreaterThanOrEqual(day, first)), Q(LessThanOrEqual(day, last))
    between = begun & not_over if first <= last else begun | not_over
    return _first(between, is_date)


def _yes_no(leaf: Leaf, place: _Place) -> Q:
    wanted = {"yes": YES, "no": NO, "empty": ""}
    return Q(Exact(_column(leaf), wanted[leaf.op]))


def _choice(leaf: Leaf, place: _Place) -> Q:
    if leaf.op == "one_of":
        return Q(In(_column(leaf), list(leaf.value)))
    return Q(Exact(_column(leaf), "" if leaf.op == "empty" else leaf.value))


def _choices(leaf: Leaf, place: _Place) -> Q:
    column = _column(leaf)
    if leaf.op == "empty":
        return _empty(column)
    if leaf.op == "any":
        return Q(Regex(column, _among("|".join(map(escaped, leaf.value)))))
    return reduce(
        Q.__and__, (Q(Regex(column, _among(escaped(one)))) for one in leaf.value)
    )


def _among(expression: str) -> str:
    between = escaped(SEPARATOR)
    return rf"(?:\A|{between})(?:{expression})(?:{between}|\Z)"


def _moment(leaf: Leaf, place: _Place) -> Q:
    match leaf.op:
        case "before":
            return Q(created_at__lt=place.start_of(leaf.value))
        case "after":
            return Q(created_at__gte=place.start_after(leaf.value))
        case "on":
            first = last = leaf.value
        case _:
            first = place.today - dt.timedelta(days=leaf.value)
            last = place.today
    return Q(
        created_at__gte=place.start_of(first), created_at__lt=place.start_after(last)
    )


def _state(leaf: Leaf, place: _Place) -> Q:
    words = leaf.value if leaf.op == "one_of" else (leaf.value,)
    if leaf.field == "basis":
        return Q(basis__in=words)
    return reduce(Q.__or__, (STATUSES[word] for word in words))


def _list(leaf: Leaf, place: _Place) -> Q:
    members = Subscription.objects.filter(
        list__in=leaf.value, list__workspace=place.workspace
    )
    return Q(Exists(members.filter(recipient=OuterRef("pk"))))


def _mailing(leaf: Leaf, place: _Place) -> Q:
    received = mailings().received
    if leaf.op == "received":
        return received(place.workspace.pk, mailing=UUID(leaf.value), since=None)
    since = place.start_of(place.today - dt.timedelta(days=leaf.value))
    return received(place.workspace.pk, mailing=None, since=since)


_CONDITIONS: dict[Kind, Condition] = {
    kind: _with_opposites(condition)
    for kind, condition in {
        Kind.TEXT: _text,
        Kind.NUMBER: _number,
        Kind.DATE: _date,
        Kind.YES_NO: _yes_no,
        Kind.CHOICE: _choice,
        Kind.CHOICES: _choices,
        Kind.MOMENT: _moment,
        Kind.STATE: _state,
        Kind.LIST: _list,
        Kind.MAILING: _mailing,
    }.items()
}
