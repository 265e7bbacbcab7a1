"""The words in which tables are spoken of: limits, errors, what was understood.

A file that cannot be read at all is a `SheetError`; a row that cannot be read is a
`BadRow` among the others.  Both have a stable ``code``; whoever shows it finds words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

__all__ = [
    "DELIMITERS",
    "ENCODINGS",
    "LIMITS",
    "BadRow",
    "Column",
    "ColumnKind",
    "ColumnTo",
    "Limits",
    "Preview",
    "Row",
    "SheetError",
    "SheetKind",
    "Understood",
]

SheetKind = Literal["csv", "xlsx", "ods"]
ColumnKind = Literal["text", "number", "date", "yes_no", "email"]
ColumnTo = Literal[
    "email", "full_name", "first_name", "last_name", "comment", "attribute", "skip"
]

# What a person may choose from; the sniffer finds the first seven by itself.
ENCODINGS = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "cp1251",
    "koi8-r",
    "cp866",
    "cp1252",
)
DELIMITERS = (",", ";", "\t", "|")

_MB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of a file is looked at; beyond them it is refused (SEC-11)."""

    file_bytes: int = 200 * _MB  # of text
    columns: int = 100
    field_chars: int = 65_536  # of one cell
    packed_bytes: int = 50 * _MB  # of a workbook
    unpacked_bytes: int = 300 * _MB
    unpacked_ratio: int = 100
    entries: int = 200  # files within a workbook
    child_memory: int = 2048 * _MB  # address space of the process that opens workbooks
    child_seconds: int = 120  # of its processor time


LIMITS = Limits()


class SheetError(ValueError):
    """The file as a whole cannot be read; ``code`` says why, ``details`` the figures.

    Codes: ``empty``, ``binary`` (a picture, a PDF, a program), ``not_a_table`` (text
    or a document without columns and addresses), ``too_big`` (details: size, most),
    ``too_many_columns`` (columns, most), ``unreadable_encoding`` (encoding);
    of workbooks ``encrypted``, ``old_xls``, ``other_workbook`` (.xlsb, .numbers),
    ``broken_workbook``, ``zip_bomb``, ``no_such_sheet``.
    """

    def __init__(self, code: str, **details: str | int) -> None:
        super().__init__(f"{code} {details}" if details else code)
        self.code = code
        self.details = details


class BadRow(list[str]):
    """A row that could not be read; its cells are what can be shown of it.

    Codes: ``bad_encoding``, ``nul``, ``field_too_long``, ``unbalanced_quote``,
    ``too_many_columns``.
    """

    __slots__ = ("code",)

    def __init__(self, code: str, cells: Sequence[str]) -> None:
        super().__init__(cells)
        self.code = code


Row = tuple[int, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """How a file is to be read; a person may change each of it."""

    kind: SheetKind
    encoding: str = ""  # "" for workbooks
    delimiter: str = ""  # "" for workbooks; one of DELIMITERS
    header: bool = True
    sheet: int = 0
    sheets: tuple[str, ...] = ()  # names; empty for text

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "sheets": list(self.sheets)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Understood:
        """Return what `as_json` wrote; unknown names are ignored."""
        known = {name: data[name] for name in cls.__slots__ if name in data}
        if "sheets" in known:
            known["sheets"] = tuple(map(str, known["sheets"]))  # type: ignore[call-overload]  # a list, as JSON has it
        return cls(**known)  # type: ignore[arg-type]  # what as_json wrote


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The first rows, all of one width (``len(titles)``)."""

    titles: list[str]  # "" each when the file has no header
    rows: list[list[str]]
    kinds: list[ColumnKind] = field(default_factory=list)  # for each column


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    title: str
    to: ColumnTo
    key: str = ""  # of the attribute; suggested also for the columns that are none
