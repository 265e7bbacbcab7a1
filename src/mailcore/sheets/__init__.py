"""Tables as people have them: CSV, TSV, XLSX, ODS, a paste.

`understand` says how a file is to be read, `preview` shows its first rows, `recognise`
proposes what its columns are, `read_rows` reads it.  The writers make files which a
spreadsheet opens without running anything, and which `read_rows` reads back unchanged.
"""

from __future__ import annotations

from mailcore.sheets.csvwriter import CsvWriter
from mailcore.sheets.formulas import escape_cell, unescape_cell
from mailcore.sheets.headings import recognise
from mailcore.sheets.model import (
    DELIMITERS,
    ENCODINGS,
    LIMITS,
    BadRow,
    Column,
    Limits,
    Preview,
    Row,
    SheetError,
    Understood,
)
from mailcore.sheets.paste import from_paste
from mailcore.sheets.rows import read_rows
from mailcore.sheets.understanding import preview, understand
from mailcore.sheets.xlsxwriter import XlsxWriter

__all__ = [
    "DELIMITERS",
    "ENCODINGS",
    "LIMITS",
    "BadRow",
    "Column",
    "CsvWriter",
    "Limits",
    "Preview",
    "Row",
    "SheetError",
    "Understood",
    "XlsxWriter",
    "escape_cell",
    "from_paste",
    "preview",
    "read_rows",
    "recognise",
    "understand",
    "unescape_cell",
]
