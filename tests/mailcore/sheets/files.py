"""Files for the tests of tables."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from mailcore.sheets import BadRow, SheetError, Understood, read_rows, understand

PEOPLE = "email;имя;город\nanna@mail.ru;Анна;Москва\npetr@ya.ru;Пётр;Тверь\n"


def write(path: Path, content: str | bytes, *, encoding: str = "utf-8") -> Path:
    path.write_bytes(
        content if isinstance(content, bytes) else content.encode(encoding)
    )
    return path


def workbook(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def archive(path: Path, entries: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def csv_rows(path: Path, **over: object) -> list[tuple[int, list[str]]]:
    """Read a file with ";" and without a header."""
    settings = {"encoding": "utf-8", "delimiter": ";", "header": False} | over
    return list(read_rows(path, Understood(kind="csv", **settings)))  # type: ignore[arg-type]


def marked(rows: list[tuple[int, list[str]]]) -> list[tuple[int, str | list[str]]]:
    """Show a broken row by its code."""
    return [
        (number, row.code if isinstance(row, BadRow) else row) for number, row in rows
    ]


def refusal(path: Path, **over: Any) -> Any:
    """Return the error that the file is refused with, or None."""
    try:
        understand(path, **over)
    except SheetError as error:
        return error
    return None
