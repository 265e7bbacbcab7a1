"""The quick way through a row gives what the careful functions of cleaning.py give."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from mailcore.sheets import BadRow
from pochtar.base.addresshash import hash_address
from pochtar.base.errors import InvalidInput
from pochtar.recipients.cleaning import (
    clean_address,
    clean_attributes,
    clean_comment,
    clean_full_name,
)
from pochtar.recipients.import_cleaning import cleaner_of, typed_cleaner
from pochtar.recipients.words import fold

COLUMNS = [
    {"title": "", "to": "full_name", "key": ""},
    {"title": "", "to": "email", "key": ""},
    {"title": "", "to": "skip", "key": ""},
    {"title": "", "to": "attribute", "key": "город"},
    {"title": "", "to": "comment", "key": ""},
    {"title": "", "to": "attribute", "key": "plan"},
]
cells = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            " Ёлкина  Анна ",
            "й",
            "a\tb",
            "a\nb",
            "\xa0x\xa0",
            '"\\',
            "\u2028",
            "я" * 501,
        ]
    ),
)
addresses = st.one_of(
    st.text(max_size=12),
    st.emails(),
    st.sampled_from(
        [
            " Anna@Example.COM ",
            "анна@пример.рф",
            "a@b",
            "",
            "\u212aatya@example.com",
            '"a@b"@example.com',
            f"{'a' * 65}@example.com",
        ]
    ),
)


def expected(row: list[str]) -> tuple[object, ...] | None:
    name, email, _skipped, city, comment, plan = row
    try:
        address = clean_address(email.strip(" \t\xa0"))
        name = clean_full_name(name)
        return (
            address.display,
            address.key,
            hash_address(address.key).hex,
            name,
            fold(name),
            clean_comment(comment),
            clean_attributes({"город": city, "plan": plan}),
        )
    except InvalidInput:
        return None


@given(email=addresses, others=st.lists(cells, min_size=5, max_size=5))
def test_a_row_is_cleaned_as_a_person_typed_by_hand(
    email: str, others: list[str]
) -> None:
    row = [others[0], email, *others[1:]]
    for ascii_only in (False, True):
        found = cleaner_of(COLUMNS, ascii_only=ascii_only)(row)
        if isinstance(found, str):
            assert expected(row) is None
        else:
            assert expected(row) == (*found[:-1], json.loads(found[-1]))


def test_a_short_row_has_empty_cells_at_its_end() -> None:
    found = cleaner_of(COLUMNS, ascii_only=False)(["Анна", "anna@example.com"])

    assert found[3:] == ("Анна", "анна", "", "{}")


def test_a_first_and_a_last_name_make_a_full_name() -> None:
    columns = [
        {"to": "last_name", "key": ""},
        {"to": "email", "key": ""},
        {"to": "first_name", "key": ""},
    ]

    found = cleaner_of(columns, ascii_only=False)(["Ёлкин ", "b@example.com", "Борис"])

    assert found[3] == "Борис Ёлкин"


def test_a_row_that_could_not_be_read_keeps_its_reason() -> None:
    row = BadRow("nul", ["anna@example.com"])

    assert cleaner_of(COLUMNS, ascii_only=False)(row) == "nul"


def test_typed_attributes_are_stored_as_their_types_read_them() -> None:
    columns = [
        {"to": "email", "key": ""},
        {"to": "attribute", "key": "born"},
        {"to": "attribute", "key": "orders"},
        {"to": "attribute", "key": "vip"},
        {"to": "attribute", "key": "tea"},
    ]
    types = {
        "born": ("date", ()),
        "orders": ("number", ()),
        "vip": ("yes_no", ()),
        "tea": ("choice", ["Чёрный", "Зелёный"]),
    }
    clean = typed_cleaner(cleaner_of(columns, ascii_only=False), columns, types)
    row = ["anna@example.com", "1.2.1990", "1 200,50", "да", "черный"]

    cleaned = clean(row)

    assert isinstance(cleaned, tuple)
    assert json.loads(cleaned[-1]) == {
        "born": "1990-02-01",
        "orders": "1200.5",
        "vip": "yes",
        "tea": "Чёрный",
    }
    assert clean(["anna@example.com", "", "", "", ""])[-1] == "{}"
    assert row[1] == "1.2.1990"
    for at, text, code in (
        (1, "31.02.1990", "not_a_date"),
        (2, "много", "not_a_number"),
        (3, "может быть", "not_yes_or_no"),
        (4, "кофе", "not_an_option"),
    ):
        assert clean([*row[:at], text, *row[at + 1 :]]) == code
