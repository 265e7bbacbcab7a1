"""Open a workbook; a program of its own, because the file may be hostile (SEC-11).

``python child.py PATH SHEET ROWS MEMORY SECONDS`` writes lines of JSON: first
``{"sheets": [names], "sheet": number}``, then lists of at most 256 rows
``[number, [cells]]``.  SHEET -1 is the first one that is visible and not empty; ROWS 0
are all.  What cannot be read is ``{"error": code}`` and exit code 1.

It imports nothing of ours: so it starts fast, and whatever happens to it, happens here.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import chain, islice

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    WorksheetNotFound,
)

_BATCH = 256
_EXACT = 10**15  # up to here every whole number is itself in a double


def main(path: str, sheet: int, rows: int, memory: int, seconds: int) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        _send(path, sheet, rows)
    except PasswordError:
        return _fail("encrypted")
    except (WorksheetNotFound, IndexError):
        return _fail("no_such_sheet")
    except MemoryError:
        return _fail("too_big")
    except (CalamineError, ValueError, OSError):
        return _fail("broken_workbook")
    return 0


def _send(path: str, sheet: int, rows: int) -> None:
    book = CalamineWorkbook.from_path(path)
    chosen = _choose(book) if sheet < 0 else sheet
    _say({"sheets": book.sheet_names, "sheet": chosen})
    source = _rows(book.get_sheet_by_index(chosen))
    left = islice(source, rows) if rows else source
    while batch := list(islice(left, _BATCH)):
        _say(batch)


def _choose(book: CalamineWorkbook) -> int:
    shown = [
        number
        for number, sheet in enumerate(book.sheets_metadata)
        if sheet.typ == SheetTypeEnum.WorkSheet
        and sheet.visible == SheetVisibleEnum.Visible
    ]
    filled = (number for number in shown if book.get_sheet_by_index(number).height)
    return next(chain(filled, shown), 0)


def _rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
    if sheet.start is None:
        return
    # The blank rows above the first cell are among these, the columns left of it not.
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [cell if type(cell) is str else as_text(cell) for cell in row]
        if any(cells):
            yield number, cells


def as_text(cell: object) -> str:
    """Return a cell as a person reads it; dates as ISO 8601.

    An error (``#N/A``) comes from the library as an empty text.
    """
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        whole = cell.is_integer() and abs(cell) < _EXACT
        return str(int(cell)) if whole else f"{cell:.15g}"
    if isinstance(cell, datetime):
        return (cell if cell.time() != time() else cell.date()).isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    return _duration(cell) if isinstance(cell, timedelta) else str(cell)


def _duration(span: timedelta) -> str:
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def _say(what: dict[str, object] | Iterable[object]) -> None:
    sys.stdout.buffer.write(json.dumps(what, ensure_ascii=False).encode() + b"\n")


def _fail(code: str) -> int:
    _say({"error": code})
    return 1


if __name__ == "__main__":
    path, *numbers = sys.argv[1:]
    status = main(path, *map(int, numbers))
    sys.stdout.flush()
    sys.exit(status)
