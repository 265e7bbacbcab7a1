"""Values of typed attributes: what is read, and in which form it is stored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pochtar.recipients.attribute_models import AttributeType
from pochtar.recipients.attribute_values import BadValue, coerce_value, fits

OPTIONS = ["Чай", "Кофе", "Какао «Ёлка»"]


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("12", "12"),
        ("-0.5", "-0.5"),
        ("1 234,50", "1234.5"),
        ("1\u00a0234\u202f567", "1234567"),
        ("1,234,567.5", "1234567.5"),
        ("1.234.567,5", "1234567.5"),
        ("12.00", "12.00"),
        ("+7", "7"),
        ("−3", "-3"),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, stored: str) -> None:
    assert coerce_value("number", text) == stored


@pytest.mark.parametrize("text", ["12 шт", "1e5", "007", "1.2.3", "١", "1" * 17, "-"])
def test_what_is_no_number_is_refused(text: str) -> None:
    assert coerce_value("number", text) == BadValue("not_a_number")


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("17.05.1990", "1990-05-17"),
        ("1990-05-17", "1990-05-17"),
        ("7/5/1990", "1990-05-07"),
        ("1990-05-17 00:00:00", "1990-05-17"),
    ],
)
def test_a_date_is_read_day_first_or_year_first(text: str, stored: str) -> None:
    assert coerce_value("date", text) == stored


@pytest.mark.parametrize("text", ["31.02.1990", "17.05.90", "1990", "вчера"])
def test_what_is_no_date_is_refused(text: str) -> None:
    assert coerce_value("date", text) == BadValue("not_a_date")


@pytest.mark.parametrize(("text", "stored"), [("Да", "yes"), ("0", "no"), ("Y", "yes")])
def test_yes_and_no_are_read_in_both_languages(text: str, stored: str) -> None:
    assert coerce_value("yes_no", text) == stored


def test_an_option_is_found_whatever_its_case() -> None:
    assert coerce_value("choice", "какао «елка»", OPTIONS) == "Какао «Ёлка»"
    assert coerce_value("choice", "Вода", OPTIONS) == BadValue("not_an_option")


def test_several_options_are_stored_in_the_order_of_their_definition() -> None:
    assert coerce_value("choices", "кофе; чай", OPTIONS) == "Чай, Кофе"
    assert coerce_value("choices", "чай, вода", OPTIONS) == BadValue("not_an_option")


@given(kind=st.sampled_from(AttributeType.values), text=st.text(max_size=30))
def test_what_was_read_fits_and_is_read_again_as_it_is(kind: str, text: str) -> None:
    stored = coerce_value(kind, text, OPTIONS)

    if isinstance(stored, str) and stored:
        assert fits(kind, stored, OPTIONS)
        assert coerce_value(kind, stored, OPTIONS) == stored
