"""Find out how a file is to be read.

1. Too large or empty: refused before a byte of it is looked at.
2. A zip or OLE file is a workbook or nothing for us; it is checked, then opened.
3. Everything else is text: encoding, delimiter and header are found out in this order,
   each from what the one before has made readable.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from mailcore.sheets.charsets import find_encoding, looks_binary
from mailcore.sheets.containers import is_workbook, kind_of_workbook
from mailcore.sheets.dialects import find_delimiter, has_address, sample_rows
from mailcore.sheets.headings import is_known_heading
from mailcore.sheets.kinds import kind_of
from mailcore.sheets.model import LIMITS, Limits, Preview, SheetError, Understood
from mailcore.sheets.rows import read_all_rows
from mailcore.sheets.textblocks import read_blocks
from mailcore.sheets.workbooks import open_workbook

__all__ = ["preview", "understand"]

_SAMPLE = 1 << 16  # characters
_SAMPLE_ROWS = 50
_KIND_ROWS = 200
_WIDEST_SHEET = 1 << 14
_OTHER_LANGUAGE = re.compile(
    r"\s*(?:<(?:!doctype|\?xml|html|head|meta|table)\b|[\[{]\s*[\"\[{])", re.IGNORECASE
)


def understand(
    path: Path,
    *,
    file_name: str = "",
    encoding: str = "",
    delimiter: str = "",
    header: bool | None = None,
    sheet: int | None = None,
    limits: Limits = LIMITS,
) -> Understood:
    """Say how the file is to be read: what is not given is found out.

    Raises `SheetError` when nothing in it can be read.  The name of the file
    (``file_name`` as uploaded) only helps where the content leaves a doubt.
    """
    size = path.stat().st_size
    if size > max(limits.file_bytes, limits.packed_bytes):
        raise SheetError("too_big", size=size, most=limits.file_bytes)
    with path.open("rb") as file:
        start = file.read(4096)
    if not start.strip():
        raise SheetError("empty")
    if is_workbook(start):
        return _of_workbook(path, header, sheet, limits)
    if size > limits.file_bytes:
        raise SheetError("too_big", size=size, most=limits.file_bytes)
    if looks_binary(start):
        raise SheetError("binary")
    encoding = encoding or find_encoding(path)
    text = _beginning(path, encoding)
    if not delimiter and file_name.lower().endswith(".tsv") and "\t" in text:
        delimiter = "\t"
    delimiter = delimiter or find_delimiter(text)
    rows = sample_rows(text, delimiter)
    _check_table(text, rows)
    _check_width(rows, limits)
    return Understood(
        kind="csv",
        encoding=encoding,
        delimiter=delimiter,
        header=_is_header(rows[0]) if header is None else header,
    )


def preview(
    path: Path, understood: Understood, *, rows: int = 20, limits: Limits = LIMITS
) -> Preview:
    """Return the titles and the first rows, and what each column seems to hold."""
    found = _first_rows(path, understood, max(rows, _KIND_ROWS) + 1, limits)
    width = min(max(map(_width, found), default=0), limits.columns)
    table = [[*row[:width], *[""] * (width - len(row))] for row in found]
    titles = table.pop(0) if understood.header and table else [""] * width
    columns = [[row[place] for row in table] for place in range(width)]
    return Preview(
        titles=[title.strip() for title in titles],
        rows=table[:rows],
        kinds=[kind_of(column) for column in columns],
    )


def _first_rows(
    path: Path, understood: Understood, most: int, limits: Limits
) -> list[list[str]]:
    if understood.kind == "csv":
        rows = islice(read_all_rows(path, understood, limits=limits), most)
        return [row for _, row in rows]
    kind_of_workbook(path, limits)
    with open_workbook(
        path, sheet=understood.sheet, limits=limits, rows=most
    ) as workbook:
        return [row for _, row in workbook.rows]


def _of_workbook(
    path: Path, header: bool | None, sheet: int | None, limits: Limits
) -> Understood:
    kind = kind_of_workbook(path, limits)
    uncut = replace(limits, columns=_WIDEST_SHEET)
    with open_workbook(path, sheet=sheet, limits=uncut, rows=_SAMPLE_ROWS) as workbook:
        rows = [row for _, row in workbook.rows]
        if not rows and sheet is None:
            raise SheetError("empty")
        _check_width(rows, limits)
        return Understood(
            kind=kind,
            header=_is_header(rows[0] if rows else []) if header is None else header,
            sheet=workbook.sheet,
            sheets=workbook.sheets,
        )


def _beginning(path: Path, encoding: str) -> str:
    text, _ = next(read_blocks(path, encoding), ("", False))
    if len(text) > _SAMPLE:
        text = text[: text.rfind("\n", 0, _SAMPLE) + 1] or text[:_SAMPLE]
    if not text.strip():
        raise SheetError("empty")
    return text


def _check_table(text: str, rows: Sequence[Sequence[str]]) -> None:
    """Refuse what is text but no table: prose, a web page, a program's data."""
    if _OTHER_LANGUAGE.match(text) or not rows:
        raise SheetError("not_a_table")
    if has_address(text) or any(map(is_known_heading, rows[0])):
        return
    width, times = Counter(map(len, rows)).most_common(1)[0]
    if width < 2 or times * 10 < len(rows) * 9:
        raise SheetError("not_a_table")


def _check_width(rows: Sequence[Sequence[str]], limits: Limits) -> None:
    """Refuse what is too wide as a whole; a single wide row is a bad row only."""
    widths = Counter(map(_width, rows)).most_common(1)
    if widths and widths[0][0] > limits.columns:
        raise SheetError("too_many_columns", columns=widths[0][0], most=limits.columns)


def _width(row: Sequence[str]) -> int:
    """Return how many cells a row has up to the last that is not blank."""
    return next((n for n in range(len(row), 0, -1) if row[n - 1].strip()), 0)


def _is_header(row: Sequence[str]) -> bool:
    return any(map(is_known_heading, row)) or not any("@" in cell for cell in row)
