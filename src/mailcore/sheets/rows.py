"""Read the rows of a table one after another, whatever it is written in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from mailcore.sheets.containers import kind_of_workbook
from mailcore.sheets.csvrows import read_csv
from mailcore.sheets.model import LIMITS, Limits, Row, Understood
from mailcore.sheets.workbooks import open_workbook

__all__ = ["read_all_rows", "read_rows"]


def read_rows(
    path: Path, understood: Understood, *, limits: Limits = LIMITS
) -> Iterator[Row]:
    """Yield (number, cells) of every row that is not blank, the header left out.

    The number is the one that a spreadsheet shows: the header is row 1.  Rows may
    differ in length.  What cannot be read comes as a `BadRow`.  A cell that begins
    with the apostrophe of our own exports comes without it (SEC-12).
    Memory does not grow with the file's size.
    """
    rows = read_all_rows(path, understood, limits=limits)
    return islice(rows, 1, None) if understood.header else rows


def read_all_rows(
    path: Path, understood: Understood, *, limits: Limits = LIMITS
) -> Iterator[Row]:
    """Yield the header as well."""
    if understood.kind == "csv":
        return read_csv(path, understood, limits)
    return _read_workbook(path, understood, limits)


def _read_workbook(path: Path, understood: Understood, limits: Limits) -> Iterator[Row]:
    kind_of_workbook(path, limits)
    with open_workbook(path, sheet=understood.sheet, limits=limits) as workbook:
        yield from workbook.rows
