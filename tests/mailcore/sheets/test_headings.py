"""Headings are recognised, in Russian and English (issue 4, 1)."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.sheets import recognise


def goals(*titles, **over):
    return [column.to for column in recognise(titles, **over)]


@pytest.mark.parametrize(
    "title",
    [
        "email", "E-mail", "E-Mail:", "e_mail", "EMAIL ADDRESS", "Email-адрес", "Mail",
        "почта", "Почта", "Эл. почта", "эл.почта", "Электронная почта", "Емейл", "имейл",
        "Адрес электронной почты", "Адрес эл. почты*", " e-mail ", "E-mail клиента",
        "Почта (рабочая)", "E-mail 1 - Value",
    ],
)  # fmt: skip
def test_the_heading_of_an_address_is_recognised(title):
    assert goals("Город", title) == ["attribute", "email"]


@pytest.mark.parametrize(
    ("titles", "expected"),
    [
        (("ФИО",), ["full_name"]),
        (("Ф.И.О.",), ["full_name"]),
        (("Имя",), ["full_name"]),
        (("Name",), ["full_name"]),
        (("Имя", "Фамилия"), ["first_name", "last_name"]),
        (("First Name", "Last Name"), ["first_name", "last_name"]),
        (("Surname", "Name"), ["last_name", "first_name"]),
        (("first_name",), ["first_name"]),
        (("ФИО", "Имя", "Фамилия"), ["full_name", "attribute", "attribute"]),
        (("Имя", "Имя"), ["full_name", "attribute"]),
        (("Фамилия Имя Отчество", "Отчество"), ["full_name", "attribute"]),
        (("Комментарий", "Примечание"), ["comment", "attribute"]),
        (("№", "№ п/п", "Notes"), ["skip", "skip", "comment"]),
    ],
)
def test_names_and_comments_are_recognised(titles, expected):
    assert goals("e-mail", *titles) == ["email", *expected]


def test_of_two_columns_of_addresses_the_fuller_one_is_the_email():
    rows = [["", "a@b.ru"], ["x@b.ru", "c@d.ru"], ["", "e@f.ru"]]

    columns = recognise(["E-mail", "Почта 2"], ["email", "email"], rows=rows)

    assert [column.to for column in columns] == ["attribute", "email"]
    assert columns[0].key == "e_mail"


def test_of_two_columns_equally_full_the_better_heading_wins_then_the_first():
    rows = [["x@b.ru", "a@b.ru"]]
    kinds = ["email", "email"]

    assert goals("Менеджер", "E-mail", kinds=kinds, rows=rows) == ["attribute", "email"]
    assert goals("E-mail", "Почта", kinds=kinds, rows=rows) == ["email", "attribute"]


def test_addresses_are_found_under_any_heading_and_under_none():
    rows = [["Анна", "a@b.ru"]]

    for titles in (["Кто", "Куда"], ["", ""], ["E-mail", "Куда"]):
        assert goals(*titles, kinds=["text", "email"], rows=rows)[1] == "email"


def test_without_any_sign_of_an_address_no_column_is_the_email():
    assert goals("Город", "Улица", kinds=["text", "text"]) == ["attribute", "attribute"]


def test_a_column_of_nothing_is_skipped():
    assert goals("email", "", rows=[["a@b.ru", ""]]) == ["email", "skip"]


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("Дата рождения", "дата_рождения"),
        ("  Сумма, руб. ", "сумма_руб"),
        ("2024", "column_2024"),
        ("%", "column_1"),
        ("full_name", "column_full_name"),
        ("и\u0306", "й"),
        ("_x_", "x"),
    ],
)
def test_a_key_is_made_of_the_heading(title, key):
    assert recognise([title])[0].key == key


@given(st.lists(st.text(max_size=60) | st.sampled_from(["a", "A", "a_2", "ж" * 70])))
def test_keys_are_valid_and_each_its_own(titles):
    keys = [column.key for column in recognise(titles)]

    assert len(set(keys)) == len(keys)
    for key in keys:
        assert re.fullmatch(r"[^\W\d]\w{0,49}", key)
        assert key == unicodedata.normalize("NFC", key)
        assert key not in ("email", "full_name", "unsubscribe_url")


@given(st.lists(st.sampled_from(["email", "почта", "имя", "ФИО", "фамилия", "x", ""])))
def test_each_field_is_given_once_at_most(titles):
    found = goals(*titles)

    for goal in ("email", "full_name", "first_name", "last_name", "comment"):
        assert found.count(goal) <= 1
