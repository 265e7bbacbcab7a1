"""Look at the whole file: what can be imported, and what will happen then.

1. Rows are read, cleaned and written aside (ImportRow, ImportRefusal), a chunk at a
   time, each chunk with its place in one transaction.  On PostgreSQL the rows go into a
   COPY while they are made, so that both sides work at once.
2. Of several rows with one address the first counts; the others are marked.
3. The rows are compared with the recipients, only to count.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from mailcore.sheets import Row, Understood, read_rows
from pochtar.recipients.attributes import defined_attributes
from pochtar.recipients.import_cleaning import cleaner_of, typed_cleaner
from pochtar.recipients.import_files import path_of
from pochtar.recipients.import_matching import count_matches, mark_twins
from pochtar.recipients.import_sql import first_id, is_postgresql
from pochtar.recipients.models import (
    AttributeType,
    Import,
    ImportRefusal,
    ImportStep,
    WorkState,
)
from pochtar.recipients.work import keep, let_go

CHUNK = 20_000  # rows of one transaction
PIECE = 1_000  # rows of one write into a COPY
SHOWN = 200  # refused rows whose cells are kept to be shown
INSERT_ROW = (
    "INSERT INTO recipients_importrow (id, recipient_id, email, email_key, address_hash,"
    " full_name, name_key, comment, attributes, twin_of)"
)
COPY_ROWS = INSERT_ROW.replace("INSERT INTO", "COPY") + " FROM STDIN"

StoredRow = tuple[Any, ...]
Refused = tuple[int, str, list[str]]


def check(import_: Import, *, over: Callable[[], bool]) -> bool:
    """Go on checking until it is done (True) or the turn is ``over``."""
    if not import_.started_at:
        keep(import_, started_at=timezone.now(), total=_expected_rows(import_))
    reader = _Reader(import_)
    while reader.read_chunk():
        if over():
            return False
    _finish(import_)
    return True


def rows_of_file(import_: Import) -> Iterator[Row]:
    return read_rows(path_of(import_), Understood.from_json(import_.understood))


def _finish(import_: Import) -> None:
    mark_twins(import_)
    counts = count_matches(import_)
    refusals = Counter[str](import_.refusals)
    counts["refused"] = sum(refusals.values())
    let_go(
        import_,
        state=WorkState.IDLE,
        step=ImportStep.CHECKED,
        counts=counts,
        total=import_.done,
        finished_at=timezone.now(),
    )


def _expected_rows(import_: Import) -> int:
    """Return about how many rows there are: lines of text; 0 for a workbook."""
    if import_.understood.get("kind") != "csv":
        return 0
    lines = 0
    with path_of(import_).open("rb") as file:
        while block := file.read(1 << 20):
            lines += block.count(b"\n")
    return lines


class _Reader:
    """The rows of a file from the place where the last committed chunk ended."""

    def __init__(self, import_: Import) -> None:
        self._import = import_
        self._first = first_id(import_)
        clean = cleaner_of(import_.columns, ascii_only=not is_postgresql())
        types = {
            row.key: (row.type, row.options)
            for row in defined_attributes(import_.workspace)
            if row.type != AttributeType.TEXT
        }
        self._clean = typed_cleaner(clean, import_.columns, types)
        self._rows = self._rest()
        self._ids = _Ids()

    def _rest(self) -> Iterator[Row]:
        after = self._import.cursor
        rows = rows_of_file(self._import)
        if not after:
            return rows
        return (row for row in rows if row[0] > after)

    def read_chunk(self) -> bool:
        """Write the next rows aside, with the place behind them; False at the end."""
        with transaction.atomic():
            refused: list[Refused] = []
            last = self._write(refused)
            if not last:
                return False
            refusals = Counter(self._import.refusals)
            refusals.update(code for _number, code, _cells in refused)
            self._write_refused(refused, sum(self._import.refusals.values()))
            number, rows = last
            keep(
                self._import,
                cursor=number,
                done=self._import.done + rows,
                refusals=dict(refusals),
            )
        return True

    def _write(self, refused: list[Refused]) -> tuple[int, int] | None:
        """Write a chunk; return the last row's number and how many there were."""
        if is_postgresql():
            with connection.cursor() as cursor, cursor.copy(COPY_ROWS) as copy:
                return self._pieces(
                    refused, lambda rows: copy.write("".join(map(_copy_line, rows)))
                )
        marks = ", ".join(["%s"] * 10)
        with connection.cursor() as cursor:
            return self._pieces(
                refused,
                lambda rows: cursor.executemany(f"{INSERT_ROW} VALUES ({marks})", rows),
            )

    def _pieces(
        self, refused: list[Refused], write: Callable[[list[StoredRow]], object]
    ) -> tuple[int, int] | None:
        last, rows = 0, 0
        chunk = islice(self._rows, CHUNK)
        while piece := list(islice(chunk, PIECE)):
            if cleaned := self._take(piece, refused):
                write(cleaned)
            last = piece[-1][0]
            rows += len(piece)
        return (last, rows) if rows else None

    def _take(self, piece: list[Row], refused: list[Refused]) -> list[StoredRow]:
        first, clean = self._first, self._clean
        rows: list[StoredRow] = []
        for (number, cells), pk in zip(piece, self._ids.take(len(piece)), strict=True):
            found = clean(cells)
            if isinstance(found, str):
                refused.append((number, found, list(cells)))
            else:
                rows.append((str(first + number), pk, *found, "0"))
        return rows

    def _write_refused(self, refused: list[Refused], before: int) -> None:
        room = max(0, SHOWN - before)
        ImportRefusal.objects.bulk_create(
            (
                ImportRefusal(
                    id=self._first + number,
                    code=code,
                    cells=[cell[:200] for cell in cells] if at < room else None,
                )
                for at, (number, code, cells) in enumerate(refused)
            ),
            batch_size=5000,
        )


def _copy_line(row: StoredRow) -> str:
    """Return the row as COPY's text format has it."""
    line = "\t".join(row)
    if "\\" in line or line.count("\t") > 9 or "\n" in line or "\r" in line:
        line = "\t".join(
            cell.replace("\\", "\\\\")
            .replace("\t", "\\t")
            .replace("\n", "\\n")
            .replace("\r", "\\r")
            for cell in row
        )
    return line + "\n"


class _Ids:
    """UUIDv7 by the thousand, as 32 digits, ascending as base.ids makes them."""

    def __init__(self) -> None:
        self._last = 0

    def take(self, number: int) -> list[str]:
        milliseconds, rest = divmod(time.time_ns(), 1_000_000)
        first = max(milliseconds << 12 | (rest << 12) // 1_000_000, self._last + 1)
        self._last = first + number - 1
        tails = os.urandom(8 * number).hex()
        made = []
        for at, moment in enumerate(range(first, first + number)):
            tail = tails[16 * at : 16 * at + 15]
            made.append(f"{moment >> 12:012x}7{moment & 0xFFF:03x}8{tail}")
        return made
