"""Workbooks are opened by a process of their own, within limits (issue 4, 1; SEC-11)."""

from __future__ import annotations

import io
import subprocess
import time
import zipfile
from contextlib import suppress
from datetime import date, datetime, timedelta
from datetime import time as clock
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from mailcore.sheets import (
    LIMITS,
    BadRow,
    Limits,
    SheetError,
    Understood,
    XlsxWriter,
    preview,
    read_rows,
    understand,
    workbooks,
)
from mailcore.sheets.containers import kind_of_workbook
from tests.mailcore.sheets.files import archive, refusal, workbook, write

ROWS = [["email", "имя"], ["anna@mail.ru", "Анна"], ["petr@ya.ru", "Пётр"]]
XLSX = Understood(kind="xlsx")
ODS_NAMESPACES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in (("office", "office"), ("table", "table"), ("text", "text"))
)


def ods(path, cells):
    rows = "".join(
        f"<table:table-row>{''.join(row)}</table:table-row>" for row in cells
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {ODS_NAMESPACES}><office:body>'
        f'<office:spreadsheet><table:table table:name="Лист">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        file.writestr("META-INF/manifest.xml", "<manifest/>")
        file.writestr("content.xml", content)
    return path


def ods_text(text):
    return (
        '<table:table-cell office:value-type="string">'
        f"<text:p>{text}</text:p></table:table-cell>"
    )


def test_a_workbook_is_understood_and_read(tmp_path):
    path = workbook(tmp_path / "a.xlsx", ROWS)

    understood = understand(path)

    assert understood == Understood(kind="xlsx", sheets=("Sheet",))
    assert list(read_rows(path, understood)) == [(2, ROWS[1]), (3, ROWS[2])]
    assert preview(path, understood).kinds == ["email", "text"]


def test_an_open_document_is_understood_and_read(tmp_path):
    when = '<table:table-cell office:value-type="date" office:date-value="2024-02-01"/>'
    path = ods(
        tmp_path / "a.ods",
        [[ods_text("email"), ods_text("дата")], [ods_text("anna@mail.ru"), when]],
    )

    understood = understand(path)

    assert understood == Understood(kind="ods", sheets=("Лист",))
    assert list(read_rows(path, understood)) == [(2, ["anna@mail.ru", "2024-02-01"])]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (date(2024, 2, 1), "2024-02-01"),
        (datetime(2024, 2, 1, 10, 30), "2024-02-01T10:30:00"),  # noqa: DTZ001
        (clock(7, 5), "07:05:00"),
        (timedelta(hours=30, minutes=5), "30:05:00"),
        (5, "5"),
        (5.0, "5"),
        (-0.5, "-0.5"),
        (0.1 + 0.2, "0.3"),
        (79161234567, "79161234567"),
        (45292, "45292"),
        (1e21, "1e+21"),
        (True, "true"),
        (False, "false"),
        ("007", "007"),
        ("  x ", "  x "),
    ],
)
def test_a_cell_is_what_a_person_reads_in_it(tmp_path, cell, text):
    path = workbook(tmp_path / "a.xlsx", [["a@b.ru", cell]])

    rows = list(read_rows(path, Understood(kind="xlsx", header=False)))

    assert rows == [(1, ["a@b.ru", text])]


def test_the_value_of_a_formula_is_read_and_never_the_formula(tmp_path):
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<sheetData><row r="1"><c r="A1" t="str"><f>"a"&amp;"@b.ru"</f><v>a@b.ru</v></c>'
        '<c r="B1"><f>1+1</f><v>2</v></c><c r="C1" t="e"><f>1/0</f><v>#DIV/0!</v></c>'
        '<c r="D1" t="str"><v>end</v></c></row></sheetData></worksheet>'
    )
    path = tmp_path / "a.xlsx"
    with XlsxWriter(tmp_path / "frame.xlsx", []) as writer:
        writer.write(["x"])
    with zipfile.ZipFile(tmp_path / "frame.xlsx") as frame:
        entries = {name: frame.read(name) for name in frame.namelist()}
    archive(path, entries | {"xl/worksheets/sheet1.xml": sheet.encode()})

    rows = list(read_rows(path, Understood(kind="xlsx", header=False)))

    assert rows == [(1, ["a@b.ru", "2", "", "end"])]


def test_merged_cells_have_their_value_in_the_first(tmp_path):
    book = Workbook()
    for row in [*ROWS, ["x@mail.ru", ""]]:
        book.active.append(row)
    book.active.merge_cells("B2:B4")
    book.save(tmp_path / "a.xlsx")

    rows = list(read_rows(tmp_path / "a.xlsx", XLSX))

    assert [row[1] for _, row in rows] == ["Анна", "", ""]


def test_rows_have_the_numbers_of_the_spreadsheet_whatever_stands_above(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [[], [], ["", *ROWS[0]], [], ["", *ROWS[1]]])

    assert list(read_rows(path, XLSX)) == [(5, ROWS[1])]
    assert preview(path, understand(path)).titles == ROWS[0]


def test_the_first_sheet_with_rows_is_taken_unless_another_is_asked_for(tmp_path):
    book = Workbook()
    book.active.title = "Пусто"
    book.create_sheet("Скрытый").append(["hidden@mail.ru"])
    book["Скрытый"].sheet_state = "hidden"
    for name in ("Клиенты", "Другие"):
        book.create_sheet(name).append([f"{len(name)}@mail.ru"])
    book.save(tmp_path / "a.xlsx")

    understood = understand(tmp_path / "a.xlsx")
    other = understand(tmp_path / "a.xlsx", sheet=3)

    assert understood.sheets == ("Пусто", "Скрытый", "Клиенты", "Другие")
    assert (understood.sheet, understood.header) == (2, False)
    assert list(read_rows(tmp_path / "a.xlsx", other)) == [(1, ["6@mail.ru"])]
    assert refusal(tmp_path / "a.xlsx", sheet=9).code == "no_such_sheet"


def test_300_columns_are_refused_and_one_wide_row_is_a_bad_row_sec_11(tmp_path):
    wide = workbook(tmp_path / "wide.xlsx", [["x"] * 300] * 3)
    one = workbook(tmp_path / "one.xlsx", [*ROWS, ["x"] * 300])

    assert refusal(wide).details == {"columns": 300, "most": 100}
    last = list(read_rows(one, XLSX))[-1][1]
    assert isinstance(last, BadRow)
    assert (last.code, len(last)) == ("too_many_columns", 100)


def test_an_empty_workbook_is_refused(tmp_path):
    assert refusal(workbook(tmp_path / "a.xlsx", [])).code == "empty"


@pytest.mark.parametrize("name", ["EncryptedPackage", "Workbook", "WordDocument"])
def test_an_ole_file_is_refused_for_what_it_is(tmp_path, name):
    start = bytes.fromhex("d0cf11e0a1b11ae1").ljust(1024, b"\0")
    path = write(
        tmp_path / "a.xlsx", start + name.encode("utf-16-le").ljust(512, b"\0")
    )

    codes = {"EncryptedPackage": "encrypted", "Workbook": "old_xls"}
    assert refusal(path).code == codes.get(name, "binary")


def test_an_encrypted_open_document_is_refused(tmp_path):
    path = archive(
        tmp_path / "a.ods",
        {
            "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": b"<manifest:encryption-data/>",
        },
    )

    assert refusal(path).code == "encrypted"


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ({"word/document.xml": b"x"}, "not_a_table"),
        ({"xl/workbook.bin": b"x"}, "other_workbook"),
        ({"Index/Document.iwa": b"x"}, "other_workbook"),
        ({"xl/workbook.xml": b"<not xml"}, "broken_workbook"),
        ({"xl/workbook.xml": b"x", "xl/media/a.xlsx": b"PK\x03\x04"}, "zip_bomb"),
        ({"xl/workbook.xml": b"x", "big": b"0" * (20 << 20)}, "zip_bomb"),
        ({"xl/workbook.xml": b"x"} | {str(n): b"" for n in range(200)}, "zip_bomb"),
    ],
    ids=["document", "xlsb", "numbers", "broken", "nested", "ratio", "entries"],
)
def test_a_zip_is_judged_by_its_directory_sec_11(tmp_path, entries, code):
    assert refusal(archive(tmp_path / "a.xlsx", entries)).code == code


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(packed_bytes=1000), "too_big"),
        (Limits(unpacked_bytes=1000), "zip_bomb"),
    ],
)
def test_sizes_have_limits_sec_11(tmp_path, limits, code):
    path = workbook(tmp_path / "a.xlsx", ROWS)

    assert refusal(path, limits=limits).code == code
    with pytest.raises(SheetError, match=code):
        list(read_rows(path, XLSX, limits=limits))


def test_a_directory_that_lies_is_refused_sec_11(tmp_path):
    path = workbook(tmp_path / "a.xlsx", ROWS)
    content = path.read_bytes()
    at = content.rindex(b"PK\x01\x02")
    lie = content[: at + 20] + b"\xff\xff\xff\x00" + content[at + 24 :]

    assert refusal(write(tmp_path / "b.xlsx", lie)).code == "zip_bomb"


def test_an_encrypted_entry_is_refused(tmp_path):
    path = workbook(tmp_path / "a.xlsx", ROWS)
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02") + 8  # the flags of the first entry
    secret = content[:at] + bytes([content[at] | 1]) + content[at + 1 :]

    assert refusal(write(tmp_path / "b.xlsx", secret)).code == "encrypted"


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_container_is_refused_or_taken_but_never_breaks_us(tmp_path, data):
    content = bytearray(_SMALL_BOOK)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(4, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))

    path = write(tmp_path / "a.xlsx", bytes(content))

    with suppress(SheetError):
        assert kind_of_workbook(path, LIMITS) in ("xlsx", "ods")


def _small_book() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("mimetype", "xl/workbook.xml"):
            file.writestr(name, b"0123456789" * 5)
    return stream.getvalue()


_SMALL_BOOK = _small_book()


@pytest.mark.parametrize("keep", [0.3, 0.8, 0.99])
def test_half_a_workbook_is_broken(tmp_path, keep):
    content = workbook(tmp_path / "a.xlsx", ROWS).read_bytes()

    path = write(tmp_path / "b.xlsx", content[: int(len(content) * keep)])

    assert refusal(path).code == "broken_workbook"


def test_a_sheet_that_needs_more_memory_than_it_may_is_refused_sec_11(tmp_path):
    book = Workbook()
    for place in ("A1", "XFD1048576"):  # everything between them is a cell too
        book.active[place] = "a@b.ru"
    book.save(tmp_path / "a.xlsx")

    error = refusal(tmp_path / "a.xlsx")

    assert error.code == "too_big"


@pytest.mark.parametrize(
    ("end", "code", "out_of"),
    [
        ("os.kill(os.getpid(), signal.SIGXCPU)", "too_big", "time"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "too_big", "memory"),
        ("os.abort()", "too_big", "memory"),
        ("sys.exit(3)", "broken_workbook", None),
        ("print('[[1, [', flush=True); os.abort()", "too_big", "memory"),
        ("", "broken_workbook", None),
    ],
)
def test_the_death_of_the_process_is_an_error_of_the_file_sec_11(
    tmp_path, monkeypatch, end, code, out_of
):
    program = write(tmp_path / "child.py", f"import os, signal, sys\n{end}\n")
    monkeypatch.setattr(workbooks, "_CHILD", program)

    error = refusal(workbook(tmp_path / "a.xlsx", ROWS))

    assert (error.code, error.details.get("out_of")) == (code, out_of)


def test_a_reader_that_stops_early_leaves_no_process_behind(tmp_path):
    path = tmp_path / "a.xlsx"
    with XlsxWriter(path, []) as writer:
        for number in range(20_000):
            writer.write([f"user{number}@b.ru", "x" * 100])
    started: list[subprocess.Popen[Any]] = []
    popen = subprocess.Popen

    def start(*arguments, **options):
        started.append(popen(*arguments, **options))
        return started[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", start)
        rows = read_rows(path, XLSX)
        next(rows)
        del rows

    deadline = time.monotonic() + 10
    while started[0].poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert started[0].poll() is not None


def test_the_process_that_opens_workbooks_knows_none_of_our_secrets(
    tmp_path, monkeypatch
):
    seen: list[dict[str, str]] = []
    popen = subprocess.Popen
    monkeypatch.setenv("SECRET_KEY", "hush")

    def start(*arguments, **options):
        seen.append(options["env"])
        return popen(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", start)

    understand(workbook(tmp_path / "a.xlsx", ROWS))

    assert set(seen[0]) == {"PYTHONPATH"}
