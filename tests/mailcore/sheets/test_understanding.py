"""What a file is, is found out from its bytes (issue 4, 1; SEC-11)."""

from __future__ import annotations

import dataclasses
import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailcore.sheets import LIMITS, Limits, SheetError, Understood, preview, understand
from tests.mailcore.sheets.files import PEOPLE, csv_rows, marked, refusal, write

LATIN_FIRST = "".join(f"user{number}@mail.ru;Ann;Oslo\n" for number in range(60_000))


@pytest.mark.parametrize(
    "encoding",
    [
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "cp1251",
        "koi8-r",
        "cp866",
    ],
)
def test_an_encoding_is_recognised(tmp_path, encoding):
    path = write(tmp_path / "a.csv", PEOPLE, encoding=encoding)

    understood = understand(path)

    assert understood == Understood(kind="csv", encoding=encoding, delimiter=";")
    assert preview(path, understood).rows[1] == ["petr@ya.ru", "Пётр", "Тверь"]


def test_utf_16_with_its_high_byte_first_is_recognised_by_its_mark(tmp_path):
    path = write(tmp_path / "a.csv", b"\xfe\xff" + PEOPLE.encode("utf-16-be"))

    understood = understand(path)

    assert understood.encoding == "utf-16"
    assert preview(path, understood).titles == ["email", "имя", "город"]


def test_letters_with_accents_among_latin_ones_are_western(tmp_path):
    rows = "email;name;city\nanna@mail.de;Anna Müller;Köln\nx@mail.fr;René;Orléans\n"

    assert (
        understand(write(tmp_path / "a.csv", rows, encoding="cp1252")).encoding
        == "cp1252"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "koi8-r"])
def test_a_first_russian_name_far_below_still_tells_the_encoding(tmp_path, encoding):
    path = write(tmp_path / "a.csv", LATIN_FIRST + PEOPLE, encoding=encoding)

    assert understand(path).encoding == encoding


def test_a_few_broken_rows_do_not_hide_utf_8(tmp_path):
    rows = PEOPLE.encode() * 20 + "a@b.ru;Иван;\n".encode("cp1251")

    assert understand(write(tmp_path / "a.csv", rows)).encoding == "utf-8"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_delimiter_is_recognised(tmp_path, delimiter):
    path = write(tmp_path / "a.csv", PEOPLE.replace(";", delimiter))

    assert understand(path).delimiter == delimiter


def test_commas_within_cells_and_quotes_do_not_mislead(tmp_path):
    rows = 'a@b.ru;"Да; нет";1,5\nc@d.ru;"Нет; да";2,5\ne@f.ru;x;3,5\n'

    assert understand(write(tmp_path / "a.csv", rows)).delimiter == ";"


def test_a_single_column_has_a_delimiter_that_occurs_nowhere(tmp_path):
    path = write(tmp_path / "a.csv", "name@b.ru\n=a,b;c\nother@b.ru\n")

    assert understand(path).delimiter == "\t"


def test_the_line_with_which_excel_says_the_delimiter_is_no_row(tmp_path):
    path = write(tmp_path / "a.csv", "sep=;\r\n" + PEOPLE)

    understood = understand(path)

    assert preview(path, understood).titles == ["email", "имя", "город"]


@pytest.mark.parametrize(
    ("first", "header"),
    [
        ("email;имя", True),
        ("Куда писать;Кому", True),
        ("anna@mail.ru;Анна", False),
        ("anna@broken;Анна", False),
        ("E-mail (@);имя", True),
        ("Комментарий;user@", True),
    ],
)
def test_a_header_is_known_by_its_words_or_by_having_no_address(
    tmp_path, first, header
):
    path = write(tmp_path / "a.csv", f"{first}\nx@mail.ru;Х\n")

    assert understand(path).header is header


def test_what_a_person_says_wins_over_what_was_found_out(tmp_path):
    path = write(tmp_path / "a.csv", PEOPLE)

    understood = understand(path, encoding="cp1251", delimiter="|", header=False)

    assert understood == Understood(
        kind="csv", encoding="cp1251", delimiter="|", header=False
    )


def test_the_name_of_a_tsv_settles_a_doubt(tmp_path):
    path = write(tmp_path / "a", "a@b.ru\tx;y\nc@d.ru\tx;y\n")

    assert understand(path, file_name="Люди.TSV").delimiter == "\t"


def test_what_was_understood_survives_json():
    understood = Understood(kind="ods", header=False, sheet=1, sheets=("Лист1", "Два"))

    data = json.loads(json.dumps(understood.as_json())) | {"new_in_a_later_release": 1}

    assert Understood.from_json(data) == understood


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b" \r\n\t\n ", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (b"\xff\xfe", "empty"),
        (b"%PDF-1.7\n1 0 obj", "binary"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "binary"),
        (b"\x00" * 5000, "binary"),
        (bytes(range(256)) * 20, "binary"),
        (
            "Жили-были, как говорят, дед и баба.\nИ была у них\nкурочка Ряба.".encode(),
            "not_a_table",
        ),
        (b"just one line", "not_a_table"),
        (b"<html><body>a@b.ru</body></html>", "not_a_table"),
        (b'<?xml version="1.0"?><a>a@b.ru</a>', "not_a_table"),
        (b'[{"email": "a@b.ru"}]', "not_a_table"),
    ],
)
def test_what_is_no_table_is_refused_with_a_code(tmp_path, content, code):
    error = refusal(write(tmp_path / "a.csv", content))

    assert error
    assert error.code == code


def test_a_file_of_two_gigabytes_is_refused_at_once_sec_11(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(PEOPLE.encode())
        file.truncate(2 << 30)  # a hole: it takes no room

    error = refusal(path)

    assert error
    assert (error.code, error.details) == (
        "too_big",
        {"size": 2 << 30, "most": LIMITS.file_bytes},
    )


def test_the_limit_of_a_size_holds_while_reading_too_sec_11(tmp_path):
    path = write(tmp_path / "a.csv", PEOPLE)
    understood = understand(path)

    with pytest.raises(SheetError, match="too_big"):
        preview(path, understood, limits=Limits(file_bytes=10))
    assert (
        refusal(path, limits=Limits(file_bytes=10, packed_bytes=100_000)).code
        == "too_big"
    )


def test_300_columns_are_refused_and_99_empty_ones_are_not_sec_11(tmp_path):
    wide = write(tmp_path / "wide.csv", f"{PEOPLE.splitlines()[0]}{';x' * 297}\n" * 3)
    padded = write(tmp_path / "padded.csv", PEOPLE.replace("\n", ";" * 200 + "\n"))

    error = refusal(wide)

    assert error
    assert error.details == {"columns": 300, "most": 100}
    assert error.code == "too_many_columns"
    assert len(preview(padded, understand(padded)).titles) == 3


def test_an_encoding_nobody_knows_is_refused(tmp_path):
    error = refusal(write(tmp_path / "a.csv", PEOPLE), encoding="utf-99")

    assert error
    assert error.code == "unreadable_encoding"


def test_a_wrong_encoding_costs_the_rows_that_it_breaks_only(tmp_path):
    rows = "anna@mail.ru;Анна\njohn@mail.com;John\n"
    path = write(tmp_path / "a.csv", rows, encoding="cp1251")

    found = csv_rows(path, encoding="utf-8")

    assert marked(found) == [(1, "bad_encoding"), (2, ["john@mail.com", "John"])]
    assert found[0][1] == ["anna@mail.ru", "����"]


def test_a_preview_has_rows_of_one_width_and_the_kinds_of_columns(tmp_path):
    rows = (
        "почта;сумма;дата;согласие;телефон;код;пусто\n"
        "anna@mail.ru;1 200,50;01.02.2024;да;79161234567;007\n"
        "broken;-3;31.12.2023 10:00;нет;8 916 123;12\n"
        "petr@ya.ru;0;1.1.24;;89161234567\n"
    )
    path = write(tmp_path / "a.csv", rows)

    shown = preview(path, understand(path), rows=2)

    assert shown.titles == [
        "почта",
        "сумма",
        "дата",
        "согласие",
        "телефон",
        "код",
        "пусто",
    ]
    assert shown.kinds == ["email", "number", "date", "yes_no", "text", "text", "text"]
    assert [len(row) for row in shown.rows] == [7, 7]


def test_a_preview_without_a_header_has_empty_titles(tmp_path):
    path = write(tmp_path / "a.csv", "anna@mail.ru;Анна\n")

    shown = preview(path, understand(path))

    assert (shown.titles, shown.rows) == (["", ""], [["anna@mail.ru", "Анна"]])


def test_limits_can_be_changed_one_by_one():
    assert dataclasses.replace(LIMITS, columns=5).file_bytes == LIMITS.file_bytes


@given(
    st.binary(max_size=200)
    | st.text('aя@.;,"\n\r\t\0 |<{', max_size=80).map(str.encode)
    | st.text('aя@.;,"\n\r\t |', max_size=80).map(lambda text: text.encode("utf-16"))
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_understood_or_refused_with_a_code(tmp_path, content):
    path = write(tmp_path / "a.csv", content)

    with suppress(SheetError):
        understood = understand(path)
        shown = preview(path, understood)

        assert {len(row) for row in shown.rows} <= {len(shown.titles)}
        assert len(shown.kinds) == len(shown.titles)
