"""Write CSV, as a stream, safe to open in a spreadsheet (SEC-12)."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Sequence
from typing import BinaryIO

from mailcore.sheets.formulas import escape_cell

__all__ = ["CsvWriter"]


class CsvWriter:
    """Write CSV into a stream of bytes; every cell is escaped.

    What the encoding lacks becomes "?" (never with UTF-8, the default).
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        encoding: str = "utf-8-sig",
        delimiter: str = ";",
        titles: Sequence[str] = (),
    ) -> None:
        encoded = _Encoded(stream, encoding)
        self._plain = csv.writer(encoded, delimiter=delimiter)
        self._quoted = csv.writer(encoded, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        if titles:
            self.write(titles)

    def write(self, cells: Sequence[str]) -> None:
        escaped = [*map(escape_cell, cells)]
        # Within quotes an apostrophe is part of the cell for every program.
        writer = self._plain if escaped == [*cells] else self._quoted
        writer.writerow(escaped)


class _Encoded:
    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._encoder = codecs.getincrementalencoder(encoding)("replace")

    def write(self, text: str) -> int:
        return self._stream.write(self._encoder.encode(text))
