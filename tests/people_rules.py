"""Random people and random rules about them, for hypothesis."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mailcore.segment_fields import (
    ATTRIBUTE_KINDS,
    FIELDS,
    OPERATORS,
    SEPARATOR,
    Kind,
    Shape,
)
from mailcore.segments import Group, How, Leaf, Rule

TODAY = dt.date(2027, 2, 20)
TEXTS = (
    "Казань",
    "казань",
    "Казань-2",
    "КАЗ",
    "Орёл",
    "орел",
    "ОРЁЛ",
    "anna",
    "Anna",
    "a.b",
    "a%b",
    "a_b",
    "[x]",
    "x|y",
    "\\d",
    "(?i)a",
    "***:a",
    "straße",
    "İzmir",
    "3",
)
NUMBERS = (
    "0",
    "-1",
    "1",
    "1.5",
    "2",
    "10",
    "1000000000000000",
    "9999999999999999",
    "0.1",
    "-0.3",
)
NO_NUMBERS = ("1,5", "01", "1e3", " 1", "1.", ".5", "1" * 17, "1_0", "١")
DATES = (
    *(
        (TODAY + dt.timedelta(days=days)).isoformat()
        for days in (-4000, -400, -366, -30, -1, 0, 1, 7, 8, 30, 340, 365)
    ),
    *("1988-02-29", "1990-02-28", "1990-03-01", "1999-12-31", "2000-01-01"),
)
NO_DATES = ("31.12.1990", "1990-13-01", "1990-1-1", "1990-01-01x", "2027")
CHOICES = ("Чай", "Кофе", "чай", "Ча", "Чай. Кофе", "C++", "x|y")
KEYS = ("city", "Город", "_x1")
DOMAINS = ("mail.example", "example.com", "xn--e1afmkfd.example", "sub.mail.example")
LOCALS = ("anna", "anna.p", "почта", "a_b", "x+y", "орёл")

several = st.lists(st.sampled_from(CHOICES), min_size=1, max_size=3, unique=True)
values = st.one_of(
    *(
        st.sampled_from(some)
        for some in (TEXTS, NUMBERS, NO_NUMBERS, DATES, NO_DATES, CHOICES)
    ),
    st.sampled_from(["yes", "no"]),
    several.map(SEPARATOR.join),
)
people: SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "email": st.builds(
            "{}@{}".format, st.sampled_from(LOCALS), st.sampled_from(DOMAINS)
        ),
        "full_name": st.sampled_from(["", *TEXTS]),
        "comment": st.sampled_from(["", "две\nстроки", "Казань\n", *TEXTS]),
        "created": st.sampled_from([d for d in DATES if d <= TODAY.isoformat()]),
        "left": st.booleans(),
        "stopped": st.booleans(),
        "basis": st.sampled_from(["", "consent", "customer", "contract", "earlier"]),
        "attributes": st.dictionaries(st.sampled_from(KEYS), values, max_size=3),
        "lists": st.sets(st.integers(0, 2)),
        # Number of the mailing, and how many days ago it was accepted; None: it failed.
        "got": st.dictionaries(
            st.integers(0, 1), st.sampled_from([None, 0, 1, 7, 8]), max_size=2
        ),
    }
)


def rules(lists: list[str], mailings: list[str]) -> SearchStrategy[Rule]:
    """Return rules that ask for these lists and mailings, among everything else."""
    leaf = st.one_of(
        *(
            _leaves(name, field.kind, field.options, lists, mailings)
            for name, field in FIELDS.items()
        ),
        *(
            _leaves(f"attribute:{key}", kind, (), lists, mailings)
            for key in KEYS
            for kind in sorted(ATTRIBUTE_KINDS)
        ),
    )
    return st.recursive(leaf, _groups, max_leaves=6)


def _groups(rule: SearchStrategy[Rule]) -> SearchStrategy[Rule]:
    parts = st.lists(rule, min_size=1, max_size=3).map(tuple)
    return st.builds(
        lambda how, rules: Group(how=how, rules=rules), st.sampled_from(How), parts
    )


def _leaves(
    field: str,
    kind: Kind,
    options: tuple[str, ...],
    lists: list[str],
    mailings: list[str],
) -> SearchStrategy[Rule]:
    text = st.sampled_from([t for t in TEXTS if t.strip()])
    if field in {"email", "domain"}:
        text = st.sampled_from([*LOCALS, *DOMAINS, "ANNA", "a", "anna@mail.example"])
    shapes = {
        Shape.NOTHING: st.none(),
        Shape.TEXT: text,
        Shape.TEXTS: _some(text),
        # A rule asks for less than 10**15; a value may have more digits.
        Shape.NUMBER: st.sampled_from([float(n) for n in NUMBERS if len(n) < 16]),
        Shape.NUMBERS: st.sampled_from([(0, 2), (-1, 1.5), (1, 1)]),
        Shape.DATE: st.sampled_from([*DATES, "0001-01-01", "9999-12-31"]),
        Shape.DAYS: st.sampled_from([0, 1, 7, 8, 30, 340, 364, 366]),
        Shape.CHOICE: st.sampled_from(CHOICES),
        Shape.CHOICES: _some(st.sampled_from(CHOICES)),
        Shape.LISTS: _some(st.sampled_from(lists)),
        Shape.MAILING: st.sampled_from(mailings),
        Shape.OPTION: st.sampled_from(options or ("",)),
        Shape.OPTIONS: _some(st.sampled_from(options or ("",))),
    }
    return st.sampled_from(list(OPERATORS[kind])).flatmap(
        lambda op: shapes[OPERATORS[kind][op].shape].map(
            lambda value: Leaf(field=field, op=op, kind=kind, value=value)
        )
    )


def _some(one: SearchStrategy[Any]) -> SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, min_size=1, max_size=3).map(tuple)
