"""Find out what separates the cells of a text, and whether it has a header.

The first lines are read with each delimiter in turn, quotes respected.  The right one
isolates addresses and cuts the rows into equally many cells.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice

from mailcore.sheets.model import DELIMITERS

__all__ = ["find_delimiter", "has_address", "is_address", "sample_rows"]

_SAMPLE_ROWS = 50
_SIGN = r"[^\s@<>\"',;|]"
_ADDRESS = re.compile(rf"{_SIGN}{{1,64}}@{_SIGN}{{1,250}}\.{_SIGN}{{2,63}}")


def is_address(cell: str) -> bool:
    """Tell whether a cell has the look of one address and nothing else."""
    return _ADDRESS.fullmatch(cell.strip()) is not None


def has_address(text: str) -> bool:
    return _ADDRESS.search(text) is not None


def find_delimiter(text: str) -> str:
    """Return one of `DELIMITERS`; for a single column one that occurs nowhere."""
    best = max(DELIMITERS, key=lambda delimiter: _merit(text, delimiter))
    if _width(sample_rows(text, best)) > 1:
        return best
    return next((one for one in DELIMITERS if one not in text), "\t")


def sample_rows(text: str, delimiter: str) -> list[list[str]]:
    """Return the first rows that are not blank, as far as they can be read."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return list(islice((row for row in reader if any(row)), _SAMPLE_ROWS))


def _merit(text: str, delimiter: str) -> tuple[int, float, int]:
    rows = sample_rows(text, delimiter)
    width = _width(rows)
    alike = sum(len(row) == width for row in rows) / max(1, len(rows))
    addresses = sum(map(is_address, (cell for row in rows for cell in row)))
    return (addresses, alike if width > 1 else 0.0, width)


def _width(rows: Sequence[Sequence[str]]) -> int:
    """Return how many cells most rows have, 1 if they do not agree at all."""
    if not rows:
        return 0
    width, times = Counter(map(len, rows)).most_common(1)[0]
    return width if times * 2 >= len(rows) else 1
