"""Read the rows of a table one after another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mailcore.sheets.model import LIMITS, Limits, Row, Understood


def read_rows(
    path: Path, understood: Understood, *, limits: Limits = LIMITS
) -> Iterator[Row]:
    """Yield (number, cells) of every row that is not blank, the header left out.

    The number is the one that a spreadsheet shows: the header is row 1.  Rows may
    differ in length.  What cannot be read comes as a `BadRow`.  A cell that begins
    with the apostrophe of our own exports comes without it (SEC-12).
    Memory does not grow with the file's size.
    """
    raise NotImplementedError
