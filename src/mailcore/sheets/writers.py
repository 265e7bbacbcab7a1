"""Write tables, as a stream, safe to open in a spreadsheet (SEC-12)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self


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
        raise NotImplementedError

    def write(self, cells: Sequence[str]) -> None:
        raise NotImplementedError


class XlsxWriter:
    """Write a workbook in constant memory; a full sheet goes on in another.

    Use as a context manager, or call `close`: before that there is no file.
    """

    def __init__(self, path: Path, titles: Sequence[str]) -> None:
        raise NotImplementedError

    def write(self, cells: Sequence[str]) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
