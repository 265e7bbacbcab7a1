"""What a rule can ask about a person: the table of fields and the operators of each.

A field is one row of `FIELDS`; its kind says which operators it has.  An operator is
one row of `OPERATORS`: the shape of its value, and what it means (``holds``), which is
the meaning of reference.  The database's version must agree with it.

A value of an attribute is text; what is no number, no date or no "yes" is like none
at all.  Every negation is the exact opposite, so it holds for those without a value.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mailcore.addresses import AddressError, parse_address
from mailcore.folding import even, fold

__all__ = [
    "ATTRIBUTE",
    "ATTRIBUTE_KINDS",
    "FIELDS",
    "LONGEST_NUMBER",
    "NO",
    "OPERATORS",
    "SEPARATOR",
    "YES",
    "Field",
    "Kind",
    "Operator",
    "Shape",
    "days_around",
    "is_date",
    "is_number",
    "normal_text",
]

YES, NO = "yes", "no"
SEPARATOR = ", "  # between the several choices of one value
ATTRIBUTE = "attribute:"

# Compared as doubles, so it is a short text.
LONGEST_NUMBER = 16
NUMBER = r"\A-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?\Z"
DATE = r"\A[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])\Z"
_NUMBER = re.compile(NUMBER)
_DATE = re.compile(DATE)

Person = Mapping[str, Any]
Holds = Callable[[Any, Any, dt.date], bool]


class Kind(StrEnum):
    """What is known about a field's values, and so what can be asked."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    YES_NO = "yes_no"
    CHOICE = "choice"
    CHOICES = "choices"
    MOMENT = "moment"  # when something happened to the person: a date in the past
    STATE = "state"  # one or more of a few words of ours
    LIST = "list"
    MAILING = "mailing"


ATTRIBUTE_KINDS = frozenset(list(Kind)[:6])


class Shape(StrEnum):
    """What an operator's value looks like."""

    NOTHING = "nothing"
    TEXT = "text"
    TEXTS = "texts"
    NUMBER = "number"
    NUMBERS = "numbers"  # from, to
    DATE = "date"
    DAYS = "days"
    OPTION = "option"  # of the field's own options
    OPTIONS = "options"
    CHOICE = "choice"  # of those that the attribute's definition offers
    CHOICES = "choices"
    LISTS = "lists"
    MAILING = "mailing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    name: str
    kind: Kind
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    shape: Shape
    holds: Holds


FIELDS = {
    field.name: field
    for field in (
        Field(name="email", kind=Kind.TEXT),
        Field(name="domain", kind=Kind.TEXT),
        Field(name="full_name", kind=Kind.TEXT),
        Field(name="comment", kind=Kind.TEXT),
        Field(name="created", kind=Kind.MOMENT),
        Field(
            name="status",
            kind=Kind.STATE,
            options=("subscribed", "unsubscribed", "stopped", "unconfirmed"),
        ),
        Field(
            name="basis",
            kind=Kind.STATE,
            options=("consent", "customer", "contract", "earlier"),
        ),
        Field(name="list", kind=Kind.LIST),
        Field(name="mailing", kind=Kind.MAILING),
    )
}


def is_number(text: str) -> bool:
    return len(text) <= LONGEST_NUMBER and _NUMBER.match(text) is not None


def is_date(text: str) -> bool:
    """Say whether the text is a day as it is stored (there may be a 31st of June)."""
    return _DATE.match(text) is not None


def normal_text(field: str, text: str) -> str:
    """Return how a rule's text is compared with the field's (see `folding`)."""
    if field == "full_name":
        return fold(text)
    if field in {"email", "domain"}:
        return _address(text) if field == "email" else _domain(text)
    return even(text)


def _address(text: str) -> str:
    try:
        return parse_address(text).key
    except AddressError:
        return text.lower()


def _domain(text: str) -> str:
    text = text.removeprefix("@")
    try:
        return parse_address(f"a@{text}").domain
    except AddressError:
        return text.lower()


def days_around(today: dt.date, days: int) -> tuple[str, str]:
    """Return the month and day that a coming anniversary lies between.

    The first is behind the second where a new year begins between them.  Who was born
    on 29 February has the day before it in a year that has none.
    """
    last = today + dt.timedelta(days=days)
    end = f"{last:%m-%d}"
    leap = last.year % 4 == 0 and (last.year % 100 != 0 or last.year % 400 == 0)
    return f"{today:%m-%d}", "02-29" if end == "02-28" and not leap else end


def _anniversary(value: str, days: int, today: dt.date) -> bool:
    if not is_date(value):
        return False
    if days >= 365:
        return True
    first, last = days_around(today, days)
    day = value[5:]
    return first <= day <= last if first <= last else day >= first or day <= last


def _number(compare: Callable[[float, Any], bool]) -> Holds:
    return lambda value, given, _today: (
        is_number(value) and compare(float(value), given)
    )


def _date(compare: Callable[[str, str], bool]) -> Holds:
    return lambda value, given, _today: is_date(value) and compare(value, given)


def _last(value: str, days: int, today: dt.date) -> bool:
    first = (today - dt.timedelta(days=days)).isoformat()
    return is_date(value) and first <= value <= today.isoformat()


def _next(value: str, days: int, today: dt.date) -> bool:
    last = (today + dt.timedelta(days=days)).isoformat()
    return is_date(value) and today.isoformat() <= value <= last


def _parts(value: str) -> set[str]:
    return set(value.split(SEPARATOR))


def _received(value: Sequence[tuple[str, str]], days: int, today: dt.date) -> bool:
    return any(_last(day, days, today) for _mailing, day in value)


def _not(operator: Operator) -> Operator:
    def holds(value: Any, given: Any, today: dt.date) -> bool:
        return not operator.holds(value, given, today)

    return Operator(shape=operator.shape, holds=holds)


_EMPTY = Operator(shape=Shape.NOTHING, holds=lambda value, _given, _today: not value)
_PRESENCE = {"empty": _EMPTY, "filled": _not(_EMPTY)}
_IS = Operator(shape=Shape.TEXT, holds=lambda value, text, _today: value == text)
_CHOICE = Operator(shape=Shape.CHOICE, holds=_IS.holds)
_NUMBER_IS = Operator(shape=Shape.NUMBER, holds=_number(lambda a, b: a == b))
_STATE = Operator(shape=Shape.OPTION, holds=lambda value, one, _today: one in value)
_ANY = Operator(
    shape=Shape.CHOICES,
    holds=lambda value, given, _today: not _parts(value).isdisjoint(given),
)
_IN = Operator(
    shape=Shape.LISTS, holds=lambda value, ids, _today: not set(ids).isdisjoint(value)
)
_GOT = Operator(
    shape=Shape.MAILING,
    holds=lambda value, pk, _today: any(mailing == pk for mailing, _day in value),
)
_GOT_LATELY = Operator(shape=Shape.DAYS, holds=_received)
_PAST = {
    "last": Operator(shape=Shape.DAYS, holds=_last),
    "before": Operator(shape=Shape.DATE, holds=_date(lambda a, b: a < b)),
    "on": Operator(shape=Shape.DATE, holds=_date(lambda a, b: a == b)),
    "after": Operator(shape=Shape.DATE, holds=_date(lambda a, b: a > b)),
}

OPERATORS: dict[Kind, dict[str, Operator]] = {
    Kind.TEXT: {
        "is": _IS,
        "is_not": _not(_IS),
        "one_of": Operator(
            shape=Shape.TEXTS, holds=lambda value, texts, _today: value in texts
        ),
        "contains": Operator(
            shape=Shape.TEXT, holds=lambda value, text, _today: text in value
        ),
        "begins": Operator(
            shape=Shape.TEXT, holds=lambda value, text, _today: value.startswith(text)
        ),
        **_PRESENCE,
    },
    Kind.NUMBER: {
        "is": _NUMBER_IS,
        "is_not": _not(_NUMBER_IS),
        "lt": Operator(shape=Shape.NUMBER, holds=_number(lambda a, b: a < b)),
        "le": Operator(shape=Shape.NUMBER, holds=_number(lambda a, b: a <= b)),
        "ge": Operator(shape=Shape.NUMBER, holds=_number(lambda a, b: a >= b)),
        "gt": Operator(shape=Shape.NUMBER, holds=_number(lambda a, b: a > b)),
        "between": Operator(
            shape=Shape.NUMBERS, holds=_number(lambda a, b: b[0] <= a <= b[1])
        ),
        **_PRESENCE,
    },
    Kind.DATE: {
        **_PAST,
        "next": Operator(shape=Shape.DAYS, holds=_next),
        "anniversary": Operator(shape=Shape.DAYS, holds=_anniversary),
        **_PRESENCE,
    },
    Kind.YES_NO: {
        "yes": Operator(
            shape=Shape.NOTHING, holds=lambda value, _given, _today: value == YES
        ),
        "no": Operator(
            shape=Shape.NOTHING, holds=lambda value, _given, _today: value == NO
        ),
        **_PRESENCE,
    },
    Kind.CHOICE: {
        "is": _CHOICE,
        "is_not": _not(_CHOICE),
        "one_of": Operator(
            shape=Shape.CHOICES, holds=lambda value, texts, _today: value in texts
        ),
        **_PRESENCE,
    },
    Kind.CHOICES: {
        "any": _ANY,
        "every": Operator(
            shape=Shape.CHOICES,
            holds=lambda value, given, _today: _parts(value).issuperset(given),
        ),
        "none": _not(_ANY),
        **_PRESENCE,
    },
    Kind.MOMENT: _PAST,
    Kind.STATE: {
        "is": _STATE,
        "is_not": _not(_STATE),
        "one_of": Operator(
            shape=Shape.OPTIONS,
            holds=lambda value, words, _today: not set(words).isdisjoint(value),
        ),
    },
    Kind.LIST: {"in": _IN, "not_in": _not(_IN)},
    Kind.MAILING: {
        "received": _GOT,
        "not_received": _not(_GOT),
        "received_last": _GOT_LATELY,
        "not_received_last": _not(_GOT_LATELY),
    },
}
