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
from pochtar.recipients.import_cleaning import cleaner_of
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
