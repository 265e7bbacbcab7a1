"""What we write is safe in a spreadsheet and comes back unchanged (SEC-12)."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from mailcore.sheets import (
    CsvWriter,
    XlsxWriter,
    escape_cell,
    read_rows,
    understand,
    unescape_cell,
)
from tests.mailcore.sheets.files import csv_rows, write

TRICKY = st.text("'\"=+-@\t\r\n \ufeff\uff1d\uff07a1", max_size=8)
ANY = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20) | TRICKY
CELLS = ANY.filter(lambda text: "\0" not in text)

RISKY = [
    '=HYPERLINK("http://evil.example")',
    "+7 999 123-45-67",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "\n=1",
    '"=1"',
    "'=1",
    "\u200b=1",
    "\xa0=1",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff20a",
    "\ufe661",
]


@pytest.mark.parametrize("text", RISKY)
def test_what_might_run_gets_an_apostrophe_and_loses_it_again(text):
    assert escape_cell(text) == f"'{text}"
    assert unescape_cell(f"'{text}") == text


@pytest.mark.parametrize(
    "text", ["", "a=1", "1-2", "'quoted'", "Анна", "a@b.ru", "' x"]
)
def test_what_cannot_run_stays_as_it_is(text):
    assert escape_cell(text) == text
    assert unescape_cell(text) == text


@given(ANY)
def test_the_way_back_is_exact(text):
    assert unescape_cell(escape_cell(text)) == text
    assert unescape_cell(escape_cell(escape_cell(text))) == escape_cell(text)


@given(ANY)
def test_no_cell_begins_a_formula(text):
    assert escape_cell(text).lstrip()[:1] not in tuple("=+-@\uff1d\uff0b\uff0d\uff20")


def test_csv_opens_in_excel_with_its_letters_and_its_columns():
    stream = io.BytesIO()

    writer = CsvWriter(stream, titles=["email", "имя"])
    writer.write(["a@b.ru", "Анна; Б"])

    assert stream.getvalue().decode() == '\ufeffemail;имя\r\na@b.ru;"Анна; Б"\r\n'


def test_an_escaped_cell_is_quoted():
    stream = io.BytesIO()

    CsvWriter(stream, encoding="utf-8", delimiter=",").write(["a@b.ru", "+7 999"])

    assert stream.getvalue() == b'"a@b.ru","\'+7 999"\r\n'


def test_csv_is_written_in_the_encoding_that_came():
    stream = io.BytesIO()

    CsvWriter(stream, encoding="cp1251").write(["a@b.ru", "Ёж ☃ \ufffd"])

    assert stream.getvalue().decode("cp1251") == "a@b.ru;Ёж ? ?\r\n"


@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=8),
    encoding=st.sampled_from(["utf-8-sig", "utf-8", "utf-16"]),
    delimiter=st.sampled_from([";", ",", "\t"]),
)
def test_csv_comes_back_unchanged(tmp_path_factory, rows, encoding, delimiter):
    stream = io.BytesIO()
    writer = CsvWriter(
        stream, encoding=encoding, delimiter=delimiter, titles=["a", "b"]
    )
    for row in rows:
        writer.write(row)
    path = write(tmp_path_factory.mktemp("csv") / "a.csv", stream.getvalue())

    found = csv_rows(path, encoding=encoding, delimiter=delimiter, header=True)

    assert [row for _, row in found] == [row for row in rows if "".join(row).strip()]


@given(rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=8))
def test_a_workbook_comes_back_unchanged(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("xlsx") / "a.xlsx"
    with XlsxWriter(path, ["email", "имя"]) as writer:
        for row in rows:
            writer.write(row)

    found = list(read_rows(path, understand(path)))

    expected = [[in_xml(cell) for cell in row] for row in rows if any(row)]
    assert [row for _, row in found] == expected


def in_xml(text: str) -> str:
    return text.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")


def test_a_full_sheet_goes_on_in_another_with_the_titles_again(tmp_path):
    path = tmp_path / "a.xlsx"
    with XlsxWriter(path, ["email"], sheet_rows=3) as writer:
        for number in range(5):
            writer.write([f"{number}@b.ru"])

    sheets = load_workbook(path).worksheets

    assert [[cell.value for cell in sheet["A"]] for sheet in sheets] == [
        ["email", "0@b.ru", "1@b.ru"],
        ["email", "2@b.ru", "3@b.ru"],
        ["email", "4@b.ru"],
    ]


def test_another_program_reads_every_cell_as_text(tmp_path):
    path = tmp_path / "a.xlsx"
    cells = ["=1+1", "#N/A", "007", "true", "<b>&amp;", "a\nb", " x ", "", "1e5"]
    with XlsxWriter(path, []) as writer:
        writer.write(cells)

    (row,) = load_workbook(path).active.iter_rows()

    assert [cell.value for cell in row] == [
        "'=1+1", *cells[1:7], None, "1e5",
    ]  # fmt: skip
    assert {cell.data_type for cell in row if cell.value} == {"s"}


def test_a_workbook_of_many_rows_is_written_as_it_goes(tmp_path):
    path = tmp_path / "a.xlsx"
    with XlsxWriter(path, ["email"]) as writer:
        for number in range(20_000):
            writer.write([f"user{number * 7919}@example{number}.ru"])
        assert path.stat().st_size > 50_000  # long before the end

    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None


def test_python_reads_our_csv_as_we_do(tmp_path):
    stream = io.BytesIO()
    CsvWriter(stream, encoding="utf-8").write(['a"b', "c\r\nd", "x;y"])

    text = stream.getvalue().decode()

    assert next(csv.reader(io.StringIO(text, newline=""), delimiter=";")) == [
        'a"b', "c\r\nd", "x;y",
    ]  # fmt: skip
