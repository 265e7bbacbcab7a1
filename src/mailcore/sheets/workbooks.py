"""Have a workbook read by a process that may die of it.

The rows come through a pipe as they are read; so the memory that a large sheet needs
is the child's, and has a limit there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

from mailcore.sheets.formulas import unescape_cell
from mailcore.sheets.model import BadRow, Limits, Row, SheetError

__all__ = ["Workbook", "open_workbook"]

_CHILD = Path(__file__).with_name("child.py")
_OUT_OF_MEANS = {
    -signal.SIGABRT: "memory",  # how Rust ends when it gets no memory
    -signal.SIGSEGV: "memory",
    -signal.SIGKILL: "memory",
    -signal.SIGXCPU: "time",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbook:
    sheets: tuple[str, ...]
    sheet: int
    rows: Iterator[Row]  # without the blank ones


@contextmanager
def open_workbook(
    path: Path, *, sheet: int | None, limits: Limits, rows: int = 0
) -> Iterator[Workbook]:
    """Open one sheet (None: the first that is not empty), at most so many rows of it."""
    numbers = (
        -1 if sheet is None else sheet,
        rows,
        limits.child_memory,
        limits.child_seconds,
    )
    process = subprocess.Popen(  # noqa: S603  # our own program, its arguments a list
        [sys.executable, "-P", str(_CHILD), str(path), *map(str, numbers)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # It needs to find the library, and must not know our secrets.
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdout is not None
    try:
        messages = _messages(process, process.stdout)
        about = next(messages)
        yield Workbook(
            sheets=tuple(about["sheets"]),
            sheet=about["sheet"],
            rows=_rows(messages, limits),
        )
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _messages(process: subprocess.Popen[bytes], pipe: IO[bytes]) -> Iterator[Any]:
    """Yield what the child says, at least one thing, or raise `SheetError`."""
    said = False
    for line in pipe:
        try:
            message = json.loads(line)
        except ValueError:  # it died within a word
            break
        if "error" in message:
            raise SheetError(message["error"])
        said = True
        yield message
    status = process.wait()
    if status in _OUT_OF_MEANS:
        raise SheetError("too_big", out_of=_OUT_OF_MEANS[status])
    if status or not said:
        raise SheetError("broken_workbook", status=status)


def _rows(
    messages: Iterator[list[tuple[int, list[str]]]], limits: Limits
) -> Iterator[Row]:
    for number, cells in chain.from_iterable(messages):
        row = [unescape_cell(cell) if cell[:1] == "'" else cell for cell in cells]
        yield number, row if len(row) <= limits.columns else _cut(row, limits)


def _cut(row: list[str], limits: Limits) -> list[str]:
    kept = row[: limits.columns]
    return BadRow("too_many_columns", kept) if any(row[limits.columns :]) else kept
