"""The rule tree of segments: read strictly, written back, evaluated."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.folding import even, pattern
from mailcore.segment_fields import FIELDS, OPERATORS
from mailcore.segments import (
    RuleError,
    dump_rule,
    evaluate,
    leaves_of,
    parse_rule,
)
from tests.people_rules import TEXTS, rules

LIST = "01890a5d-ac96-774b-bcce-b302099a8057"
TODAY = dt.date(2027, 2, 27)
ANNA: dict[str, Any] = {
    "email": "anna@mail.example",
    "full_name": "Анна Фёдорова",
    "comment": "",
    "created": "2027-02-01",
    "status": {"subscribed"},
    "basis": {"consent"},
    "list": {LIST},
    "mailing": [(LIST, "2027-02-20")],
    "attributes": {
        "city": "Казань",
        "age": "30.5",
        "birthday": "1988-02-29",
        "drinks": "Чай, Кофе",
        "vip": "yes",
        "note": "тридцать",
    },
}


def leaf(field: str, op: str, value: Any = None, **more: str) -> dict[str, Any]:
    data = {"field": field, "op": op, **more}
    return data if value is None else {**data, "value": value}


def of(key: str, kind: str, op: str, value: Any = None) -> dict[str, Any]:
    return leaf(f"attribute:{key}", op, value, type=kind)


@pytest.mark.parametrize(
    "data",
    [
        leaf("email", "is", "ANNA@mail.example"),
        leaf("domain", "is", "@MAIL.example"),
        leaf("full_name", "contains", "федор"),
        leaf("comment", "empty"),
        leaf("created", "last", 26),
        leaf("created", "on", "2027-02-01"),
        leaf("status", "is_not", "stopped"),
        leaf("basis", "one_of", ["consent", "contract"]),
        leaf("list", "in", [LIST]),
        leaf("mailing", "received", LIST),
        leaf("mailing", "received_last", 7),
        leaf("mailing", "not_received_last", 6),
        of("city", "text", "begins", "КАЗ"),
        of("city", "text", "is_not", "Уфа"),
        of("missing", "text", "is_not", "Уфа"),
        of("age", "number", "between", [30, 31]),
        of("missing", "number", "is_not", 1),
        of("birthday", "date", "anniversary", 2),
        of("birthday", "date", "before", "1990-01-01"),
        of("drinks", "choices", "every", ["Кофе", "Чай"]),
        of("drinks", "choices", "none", ["Вода"]),
        of("vip", "yes_no", "yes"),
        {"none": [leaf("comment", "filled"), of("note", "number", "gt", 0)]},
    ],
)
def test_a_rule_that_holds_for_anna(data: dict[str, Any]) -> None:
    assert evaluate(parse_rule(data), ANNA, today=TODAY)


@pytest.mark.parametrize(
    "data",
    [
        leaf("created", "last", 25),
        of("note", "number", "ge", 0),
        of("city", "choice", "is", "казань"),
        of("drinks", "choices", "any", ["Ча"]),
        of("birthday", "date", "next", 3000),
        {"all": [leaf("comment", "empty"), leaf("comment", "filled")]},
    ],
)
def test_a_rule_that_does_not_hold_for_anna(data: dict[str, Any]) -> None:
    assert not evaluate(parse_rule(data), ANNA, today=TODAY)


def test_who_was_born_on_29_february_is_congratulated_every_year() -> None:
    rule = parse_rule(of("birthday", "date", "anniversary", 0))
    days = [dt.date(2027, 1, 1) + dt.timedelta(days=n) for n in range(730)]

    found = [day.isoformat() for day in days if evaluate(rule, ANNA, today=day)]

    assert found == ["2027-02-28", "2028-02-29"]
    week = parse_rule(of("birthday", "date", "anniversary", 1))
    assert evaluate(week, ANNA, today=dt.date(2027, 2, 27))


@pytest.mark.parametrize(
    ("data", "code", "path"),
    [
        (None, "shape", ()),
        ([], "shape", ()),
        ({"all": []}, "group_empty", ()),
        ({"all": [], "any": []}, "shape", ()),
        ({"some": [1]}, "shape", ()),
        ({"all": [leaf("email", "is", "a"), {"any": [3]}]}, "shape", (1, 0)),
        ({"all": [leaf("opened", "is", "x")]}, "field", (0,)),
        (leaf("attribute:", "is", "x", type="text"), "field", ()),
        (leaf('attribute:a"b', "is", "x", type="text"), "field", ()),
        (leaf("attribute:a", "is", "x"), "type", ()),
        (leaf("attribute:a", "is", "x", type="list"), "type", ()),
        (leaf("email", "lt", 3), "operator", ()),
        (leaf("email", "is", "  "), "empty", ()),
        (leaf("email", "is"), "shape", ()),
        (leaf("email", "is", "a\x00b"), "control", ()),
        (leaf("email", "is", "a" * 501), "too_long", ()),
        (leaf("email", "one_of", []), "empty", ()),
        (leaf("email", "one_of", ["a"] * 101), "too_many_values", ()),
        (leaf("comment", "empty", "x"), "shape", ()),
        (of("a", "number", "is", "3"), "number", ()),
        (of("a", "number", "is", True), "number", ()),
        (of("a", "number", "is", float("nan")), "number", ()),
        (of("a", "number", "is", 10**15), "number", ()),
        (of("a", "number", "between", [2, 1]), "order", ()),
        (of("a", "date", "on", "2027-02-30"), "date", ()),
        (of("a", "date", "last", 3651), "days", ()),
        (of("a", "choice", "is", "x, y"), "comma", ()),
        (leaf("status", "is", "gone"), "option", ()),
        (leaf("list", "in", ["1"]), "id", ()),
        ({**leaf("email", "is", "a"), "more": 1}, "shape", ()),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    data: object, code: str, path: tuple[int, ...]
) -> None:
    with pytest.raises(RuleError) as caught:
        parse_rule(data)

    assert (caught.value.code, caught.value.path) == (code, path)


def test_a_rule_is_limited_in_depth_and_in_number() -> None:
    deep: Any = leaf("comment", "empty")
    for _level in range(5):
        deep = {"all": [deep]}
    parse_rule(deep)
    with pytest.raises(RuleError, match="too_deep"):
        parse_rule({"all": [deep]})
    many = {"any": [{"all": [leaf("comment", "empty")] * 26}] * 2}
    with pytest.raises(RuleError, match="too_many"):
        parse_rule(many)


@given(rule=rules([LIST], [LIST]))
def test_a_rule_is_read_again_as_it_was_written(rule: Any) -> None:
    again = parse_rule(dump_rule(rule))

    assert dump_rule(again) == dump_rule(rule)
    assert [one.normal for one in leaves_of(again)] == [
        one.normal for one in leaves_of(rule)
    ]


@given(data=st.recursive(st.none() | st.text() | st.integers(), st.lists))
def test_rubbish_is_refused_and_nothing_else_happens(data: Any) -> None:
    for name in ("field", "all", "none"):
        with pytest.raises(RuleError):
            parse_rule({name: data, "op": "is"} if name == "field" else {name: data})


@given(one=st.text() | st.sampled_from(TEXTS), other=st.text() | st.sampled_from(TEXTS))
def test_the_pattern_finds_what_is_even(one: str, other: str) -> None:
    assert bool(re.search(pattern(one), other)) == (even(one) in even(other))


def test_every_field_has_operators() -> None:
    assert all(OPERATORS[field.kind] for field in FIELDS.values())
