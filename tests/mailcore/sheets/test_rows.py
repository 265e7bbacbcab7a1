"""Rows come one by one with their numbers; a broken one costs only itself (issue 4)."""

from __future__ import annotations

import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.sheets import BadRow, Understood, read_rows, textblocks, unescape_cell
from tests.mailcore.sheets.files import PEOPLE, csv_rows, marked, write

GOOD = ["c@d.ru", "x"]


def test_rows_have_the_numbers_of_a_spreadsheet_and_no_header(tmp_path):
    path = write(tmp_path / "a.csv", PEOPLE)

    assert csv_rows(path, header=True) == [
        (2, ["anna@mail.ru", "Анна", "Москва"]),
        (3, ["petr@ya.ru", "Пётр", "Тверь"]),
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_any_end_of_line_is_understood(tmp_path, newline, quote):
    text = f"a@b.ru;{quote}Анна{quote}\nc@d.ru;x\n".replace("\n", newline)

    rows = csv_rows(write(tmp_path / "a.csv", text))

    assert rows == [(1, ["a@b.ru", "Анна"]), (2, GOOD)]


def test_ends_of_lines_of_two_kinds_in_one_file_are_understood(tmp_path):
    path = write(tmp_path / "a.csv", "a@b.ru;1\rb@b.ru;2\r\nc@b.ru;3\nd@b.ru;4")

    assert [row[1] for _, row in csv_rows(path)] == ["1", "2", "3", "4"]


def test_blank_rows_are_left_out_but_counted(tmp_path):
    text = "\na@b.ru;x\n\n;\n ; \t\n;y\n\n" + 'c@d.ru;x\n"";""\n'

    rows = csv_rows(write(tmp_path / "a.csv", text))

    assert rows == [(2, ["a@b.ru", "x"]), (6, ["", "y"]), (8, GOOD)]


def test_a_row_of_several_lines_is_one_row(tmp_path):
    path = write(tmp_path / "a.csv", 'a@b.ru;"1\r\n2; ""3"""\r\nc@d.ru;x\r\n')

    assert csv_rows(path) == [(1, ["a@b.ru", '1\r\n2; "3"']), (2, GOOD)]


def test_reading_resumes_at_the_line_below_a_quote_that_is_never_closed(tmp_path):
    text = 'a@b.ru;x\n"b@b.ru;x\nc@d.ru;x\ne@f.ru;"x\nc@d.ru;x\n'

    rows = csv_rows(write(tmp_path / "a.csv", text))

    assert marked(rows) == [
        (1, ["a@b.ru", "x"]),
        (2, "unbalanced_quote"),
        (3, GOOD),
        (4, "unbalanced_quote"),
        (5, GOOD),
    ]
    assert rows[1][1] == ['"b@b.ru', "x"]


@pytest.mark.parametrize(
    "closing", ['c@d.ru;"y"\n', '"c@d.ru";x\n', 'c@d.ru;x";y;z\n', 'c@d.ru;x"y\n']
)
def test_a_quote_does_not_eat_the_rows_up_to_the_next_quote(tmp_path, closing):
    text = 'a@b.ru;x\n"b@b.ru;x\n' + "c@d.ru;x\n" * 3 + closing

    rows = csv_rows(write(tmp_path / "a.csv", text))

    assert marked(rows[:5]) == [
        (1, ["a@b.ru", "x"]),
        (2, "unbalanced_quote"),
        *[(number, GOOD) for number in (3, 4, 5)],
    ]
    assert rows[5][0] == 6


def test_a_name_with_quotes_inside_is_no_broken_row(tmp_path):
    path = write(tmp_path / "a.csv", 'a@b.ru;ООО "Роза"\na@b.ru;"ООО ""Роза"""\n')

    assert [row[1] for _, row in csv_rows(path)] == ['ООО "Роза"'] * 2


def test_a_file_of_quotes_never_closed_is_read_in_time_that_grows_with_it(tmp_path):
    path = write(tmp_path / "a.csv", 'x";"y\n' * 30_000)

    rows = csv_rows(path)

    assert len(rows) == 30_000
    assert isinstance(rows[-1][1], BadRow)


def test_nul_bytes_cost_their_row_only(tmp_path):
    rows = csv_rows(write(tmp_path / "a.csv", "a@b.ru;x\0y\nc@d.ru;x\n"))

    assert marked(rows) == [(1, "nul"), (2, GOOD)]
    assert rows[0][1] == ["a@b.ru", "x\ufffdy"]


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("length", [65_537, 200_000, 3_000_000])
def test_a_cell_that_is_too_long_costs_its_row_only_sec_11(tmp_path, quote, length):
    text = f"a@b.ru;{quote}{'я' * length}{quote}\nc@d.ru;x\n"

    rows = csv_rows(write(tmp_path / "a.csv", text))

    assert marked(rows) == [(1, "field_too_long"), (2, GOOD)]
    assert max(map(len, rows[0][1])) <= 65_536


def test_a_long_cell_of_several_lines_costs_its_row_only_sec_11(tmp_path):
    text = 'c@d.ru;x\na@b.ru;"' + f"{'x' * 80}\n" * 900 + '"\nc@d.ru;x\n'

    rows = csv_rows(write(tmp_path / "a.csv", text))

    assert marked(rows) == [(1, GOOD), (2, "field_too_long"), (3, GOOD)]


def test_one_row_of_many_columns_costs_itself_only_sec_11(tmp_path):
    text = f"c@d.ru;x\na@b.ru{';x' * 100}\na@b.ru{';' * 200}\nc@d.ru;x\n"

    rows = csv_rows(write(tmp_path / "a.csv", text))

    assert marked(rows)[:2] == [(1, GOOD), (2, "too_many_columns")]
    assert rows[2][1] == ["a@b.ru"] + [""] * 99
    assert rows[3] == (4, GOOD)


def test_broken_utf_16_costs_its_row_only(tmp_path):
    text = (
        "a@b.ru;x\n".encode("utf-16-le")
        + b"\x00\xdc"
        + "\nc@d.ru;x\n".encode("utf-16-le")
    )

    rows = csv_rows(write(tmp_path / "a.csv", text), encoding="utf-16-le")

    assert marked(rows) == [(1, ["a@b.ru", "x"]), (2, "bad_encoding"), (3, GOOD)]


def test_a_mark_at_the_beginning_is_no_part_of_the_first_cell(tmp_path):
    path = write(tmp_path / "a.csv", "\ufeffa@b.ru;x\n")

    assert csv_rows(path, encoding="utf-8") == [(1, ["a@b.ru", "x"])]


def test_the_apostrophe_of_our_exports_is_taken_away_sec_12(tmp_path):
    text = "c@d.ru;x\n'+7 999 1;'=1\n\"'=a\";o'k\n'тихо;x\n"

    rows = csv_rows(write(tmp_path / "a.csv", text))

    assert [row for _, row in rows] == [
        GOOD,
        ["+7 999 1", "=1"],
        ["=a", "o'k"],
        ["'тихо", "x"],
    ]


@pytest.mark.parametrize("end", ["\n", '"x"\n', '"x\ny"\n'])
def test_memory_does_not_grow_with_the_file(tmp_path, end):
    path = write(tmp_path / "a.csv", f"a@b.ru;{'x' * 200};{end}" * 20_000)
    understood = Understood(kind="csv", encoding="utf-8", delimiter=";", header=False)

    tracemalloc.start()
    try:
        count = sum(1 for _ in read_rows(path, understood))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == 20_000
    assert peak < 4 << 20  # of a file of 4 MB, whose rows would take 9


CELLS = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8
) | st.text('a;",\n\r \'="', max_size=6)


@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=30),
    block=st.integers(7, 200),
    style=st.sampled_from(
        [("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL), ("\n", csv.QUOTE_ALL)]
    ),
)
def test_what_csv_wrote_is_read_as_csv_reads_it_wherever_blocks_end(
    tmp_path_factory, rows, block, style
):
    rows = [["email", "имя"], *rows]  # a first row says how wide the others are
    stream = io.StringIO()
    newline, quoting = style
    csv.writer(
        stream, delimiter=";", lineterminator=newline, quoting=quoting
    ).writerows(rows)
    path = write(tmp_path_factory.mktemp("csv") / "a.csv", stream.getvalue())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textblocks, "_BLOCK", block)
        found = csv_rows(path, header=True)

    expected = [
        (number, [unescape_cell(cell) for cell in row])
        for number, row in enumerate(rows, 1)
        if "".join(map(unescape_cell, row)).strip()
    ]
    assert found == expected[1:]


@given(content=st.binary(max_size=300), block=st.integers(5, 400))
def test_no_bytes_at_all_break_the_reader(tmp_path_factory, content, block):
    path = write(tmp_path_factory.mktemp("csv") / "a.csv", content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textblocks, "_BLOCK", block)
        for encoding in ("utf-8", "utf-16", "utf-16-le", "cp1251", "koi8-r"):
            rows = csv_rows(path, encoding=encoding)
            numbers = [number for number, _ in rows]

            assert numbers == sorted(set(numbers))
            "".join(cell for _, row in rows for cell in row).encode()
