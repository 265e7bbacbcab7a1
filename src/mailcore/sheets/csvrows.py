"""Read CSV at the speed of the standard library, and broken CSV row by row.

1. A block of lines with nothing special in it is split, or goes to `csv` whole.
2. Anything odd (NUL, bad bytes, a lone quote, a cell too long) sends the block to the
   careful reader, which takes one record at a time and marks those that are broken.
3. After a quote that is never closed, reading goes on at the line below it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from pathlib import Path

from mailcore.sheets.formulas import unescape_cell
from mailcore.sheets.model import BadRow, Limits, Row, SheetError, Understood
from mailcore.sheets.textblocks import LONGEST_LINE, has_bad_bytes, read_blocks

__all__ = ["read_csv"]

_MOST_LINES = 1000  # of one record
_MOST_CHARS = 1 << 20
_SHORT = 4096  # characters of a record cut by the end of a block, at most
_PATIENCE = 1_000_000  # lines that may be read twice because of quotes never closed
_AFTER_CR = re.compile(r"(?<=\r)(?!\n|$)")  # in files that mix line ends
_UNSHOWABLE = re.compile("[\x00\ud800-\udfff]")

_first = itemgetter(0)


def read_csv(path: Path, understood: Understood, limits: Limits) -> Iterator[Row]:
    """Yield every record that is not blank, the header too."""
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise SheetError("too_big", size=size, most=limits.file_bytes)
    parser = _Parser(
        delimiter=understood.delimiter, encoding=understood.encoding, limits=limits
    )
    number, left, left_spoilt = 1, "", False
    for text, spoilt in read_blocks(path, understood.encoding):
        spoilt = spoilt or left_spoilt
        rows, left = parser.parse(left + text, spoilt=spoilt)
        left_spoilt = spoilt and bool(left)
        yield from _numbered(rows, number)
        number += len(rows)
    if left:
        rows, _ = parser.carefully(left, last=True)
        yield from _numbered(rows, number)


def _numbered(rows: list[list[str]], number: int) -> Iterator[Row]:
    numbered = enumerate(rows, number)
    # "!" is the first character that shows: below it are nothing and white space.
    if not all(rows) or min(map(_first, rows), default="!") < "!":
        return (pair for pair in numbered if not _is_blank(pair[1]))
    return numbered


def _is_blank(row: list[str]) -> bool:
    return not any(row) or "".join(row).isspace()


class _Broken(Exception):
    """A record is broken; ``lines`` says how many belong to it (0: not known yet)."""

    def __init__(self, code: str, *, lines: int = 1) -> None:
        super().__init__(code)
        self.code = code
        self.lines = lines


@dataclass(slots=True, kw_only=True)
class _Parser:
    delimiter: str
    encoding: str
    limits: Limits
    patience: int = _PATIENCE
    width: int = 0  # of the first record

    def parse(self, text: str, *, spoilt: bool) -> tuple[list[list[str]], str]:
        """Return the rows, and the text of a record that is not complete yet."""
        read = None
        if not spoilt and "\0" not in text:
            read = self._quoted(text) if '"' in text else self._plain(text)
        if not read or not read[0]:
            return self.carefully(text, last=False)
        rows, left = read
        self.width = self.width or len(rows[0])
        if "'" in text and self._may_be_escaped(text):
            rows = [[*map(unescape_cell, row)] for row in rows]
        return rows, left

    def _may_be_escaped(self, text: str) -> bool:
        starts = (f"{self.delimiter}'", "\n'", "\"'")
        return text.startswith("'") or any(start in text for start in starts)

    def _plain(self, text: str) -> tuple[list[list[str]], str] | None:
        """Split a text without quotes; None if it needs a closer look."""
        lines = _plain_lines(text)
        if max(map(len, lines)) > self.limits.field_chars:
            return None
        delimiter = self.delimiter
        rows = [line.split(delimiter) for line in lines]
        return (rows, "") if max(map(len, rows)) <= self.limits.columns else None

    def _quoted(self, text: str) -> tuple[list[list[str]], str] | None:
        """Read a text with quotes; None if it needs a closer look."""
        reader = csv.reader(_lines(text), delimiter=self.delimiter, strict=True)
        try:
            rows, left = list(reader), ""
        except csv.Error as error:
            if not _is_cut(error):
                return None
            rows, left = self._up_to_the_cut(text)
        if max(map(len, rows), default=0) > self.limits.columns or len(left) > _SHORT:
            return None
        if reader.line_num == len(rows):
            longest = max(map(len, _lines(text)))
            return (rows, "") if longest <= self.limits.field_chars else None
        # Records of several lines are believed if each is as wide as the first.
        even = set(map(len, rows)) == {self.width}
        longest = max(map(len, chain.from_iterable(rows)), default=0)
        return (rows, left) if even and longest <= self.limits.field_chars else None

    def _up_to_the_cut(self, text: str) -> tuple[list[list[str]], str]:
        lines = [*_lines(text)]
        rows: list[list[str]] = []
        done = 0
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        with suppress(csv.Error):
            for row in reader:
                rows.append(row)
                done = reader.line_num
        return rows, "".join(lines[done:])

    def carefully(self, text: str, *, last: bool) -> tuple[list[list[str]], str]:
        """Do as `parse`, record by record; broken ones become a `BadRow`."""
        lines = [part for line in _lines(text) for part in _single(line)]
        rows: list[list[str]] = []
        at = 0
        while at < len(lines):
            try:
                row, used = self._record(lines, at)
            except _Broken as broken:
                if not (broken.lines or last):
                    return rows, "".join(lines[at:])
                cells = lines[at].rstrip("\r\n").split(self.delimiter)
                row, used = BadRow(broken.code, self._shown(cells)), 1
            rows.append(row)
            at += used
        return rows, ""

    def _record(self, lines: list[str], at: int) -> tuple[list[str], int]:
        """Return the record that begins at a line, and of how many lines it is."""
        if len(lines[at]) > LONGEST_LINE:
            raise _Broken("field_too_long")
        if '"' not in lines[at]:
            row, used = lines[at].rstrip("\r\n").split(self.delimiter), 1
        else:
            row, used = self._quoted_record(lines, at)
        self.width = self.width or len(row)
        if code := self._fault(row):
            return BadRow(code, self._shown(row)), used
        return [*map(unescape_cell, row[: self.limits.columns])], used

    def _quoted_record(self, lines: list[str], at: int) -> tuple[list[str], int]:
        stop = min(len(lines), at + (_MOST_LINES if self.patience > 0 else 1))
        ahead = map(lines.__getitem__, range(at, stop))
        reader = csv.reader(ahead, delimiter=self.delimiter, strict=True)
        try:
            row = next(reader)
        except csv.Error as error:
            used = reader.line_num
            if _is_cut(error) and self._may_go_on(lines, at, used):
                raise _Broken("unbalanced_quote", lines=0) from error
            self.patience -= used
            raise _Broken(_named(error, used)) from error
        if reader.line_num > 1 and self._swallowed(
            row, lines[at + 1 : at + reader.line_num]
        ):
            self.patience -= reader.line_num
            raise _Broken("unbalanced_quote")
        return row, reader.line_num

    def _may_go_on(self, lines: list[str], at: int, used: int) -> bool:
        """Tell whether the record may end in the block that comes next."""
        to_the_end = used == len(lines) - at < _MOST_LINES
        return to_the_end and sum(map(len, lines[at:])) < _MOST_CHARS

    def _swallowed(self, row: list[str], following: list[str]) -> bool:
        """Tell whether a quote has eaten whole rows up to the next quote."""
        if len(row) == self.width:
            return False
        most = max(line.count(self.delimiter) for line in following)
        return 1 < self.width <= most + 1

    def _fault(self, row: list[str]) -> str:
        whole = "".join(row)
        if has_bad_bytes(whole, self.encoding):
            return "bad_encoding"
        if "\0" in whole:
            return "nul"
        if max(map(len, row), default=0) > self.limits.field_chars:
            return "field_too_long"
        return "too_many_columns" if any(row[self.limits.columns :]) else ""

    def _shown(self, cells: list[str]) -> list[str]:
        longest = self.limits.field_chars
        kept = cells[: self.limits.columns]
        return [_UNSHOWABLE.sub("\ufffd", cell[:longest]) for cell in kept]


def _lines(text: str) -> io.StringIO:
    return io.StringIO(text, newline="\n")


def _plain_lines(text: str) -> list[str]:
    """Return the lines of a text without quotes, whatever ends them."""
    text = text.removesuffix("\n").removesuffix("\r")
    if "\r" not in text:
        return text.split("\n")
    lines = text.split("\r\n")
    if len(lines) - 1 == text.count("\r") == text.count("\n"):
        return lines
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _is_cut(error: csv.Error) -> bool:
    return "unexpected end" in str(error)


def _single(line: str) -> list[str]:
    return _AFTER_CR.split(line) if "\r" in line and '"' not in line else [line]


def _named(error: csv.Error, lines: int) -> str:
    return (
        "field_too_long" if "limit" in str(error) and lines == 1 else "unbalanced_quote"
    )
