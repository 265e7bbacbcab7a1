"""What is pasted becomes a table (issue 4, 1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.sheets import from_paste, preview, recognise, understand
from tests.mailcore.sheets.files import refusal, write


def table(path, text):
    write(path / "paste.csv", from_paste(text))
    understood = understand(path / "paste.csv")
    shown = preview(path / "paste.csv", understood)
    return shown.titles, shown.rows


@pytest.mark.parametrize("between", ["\n", "\r\n", ", ", ";", ",\n", "\n\n", " "])
def test_addresses_may_be_separated_by_anything_usual(tmp_path, between):
    titles, rows = table(tmp_path, between.join(["anna@mail.ru", "petr@ya.ru"]))

    assert (titles, rows) == ([""], [["anna@mail.ru"], ["petr@ya.ru"]])


def test_names_before_addresses_become_a_column(tmp_path):
    text = (
        'Анна <anna@mail.ru>, "Петров, Пётр" <petr@ya.ru>\n'
        "plain@mail.ru; Сидоров, Иван <ivan@mail.ru>\n"
        '"Ann \\"A\\" Lee" <lee@mail.ru>'
    )

    titles, rows = table(tmp_path, text)

    assert titles == ["email", "full_name"]
    assert rows == [
        ["anna@mail.ru", "Анна"],
        ["petr@ya.ru", "Петров, Пётр"],
        ["plain@mail.ru", ""],
        ["ivan@mail.ru", "Сидоров, Иван"],
        ["lee@mail.ru", 'Ann "A" Lee'],
    ]
    assert [column.to for column in recognise(titles)] == ["email", "full_name"]


def test_a_piece_that_is_no_address_stays_to_be_refused(tmp_path):
    _, rows = table(tmp_path, "anna@mail.ru, oops, petr@ya.ru")

    assert rows == [["anna@mail.ru"], ["oops"], ["petr@ya.ru"]]


def test_cells_of_a_spreadsheet_are_cut_at_tabs(tmp_path):
    text = 'email\tимя\nanna@mail.ru\tАнна, "А"\npetr@ya.ru\t"две\nстроки"\n'

    titles, rows = table(tmp_path, text)

    assert titles == ["email", "имя"]
    assert rows == [["anna@mail.ru", 'Анна, "А"'], ["petr@ya.ru", "две\nстроки"]]


def test_a_quote_in_a_cell_of_a_spreadsheet_is_only_a_quote(tmp_path):
    _, rows = table(tmp_path, 'anna@mail.ru\t"Роза" ООО\npetr@ya.ru\tx')

    assert rows == [["anna@mail.ru", '"Роза" ООО'], ["petr@ya.ru", "x"]]


@pytest.mark.parametrize("delimiter", [";", ",", "|"])
def test_pasted_csv_stays_csv(tmp_path, delimiter):
    text = "email;имя;город\nanna@mail.ru;Анна;Тверь\n".replace(";", delimiter)

    titles, rows = table(tmp_path, text)

    assert titles == ["email", "имя", "город"]
    assert rows == [["anna@mail.ru", "Анна", "Тверь"]]


def test_a_heading_above_addresses_stays_one(tmp_path):
    assert table(tmp_path, "E-mail\nanna@mail.ru\npetr@ya.ru")[0] == ["E-mail"]
    assert table(tmp_path, "E-mail\nА <anna@mail.ru>")[0] == ["email", "full_name"]


def test_two_columns_of_addresses_under_headings_are_csv(tmp_path):
    text = "email,email2\nanna@mail.ru,anna@ya.ru\n"

    titles, rows = table(tmp_path, text)

    assert (titles, rows) == (["email", "email2"], [["anna@mail.ru", "anna@ya.ru"]])


@pytest.mark.parametrize(("text", "code"), [("", "empty"), ("Привет!", "not_a_table")])
def test_nothing_and_prose_are_refused(tmp_path, text, code):
    assert refusal(write(tmp_path / "a.csv", from_paste(text))).code == code


@given(st.text('aб@<>,;\t\n" .', max_size=40))
def test_every_address_that_is_pasted_is_in_the_table(text):
    content = from_paste(text).decode()

    assert content.count("@") == text.count("@")
