"""Write a workbook, as a stream, safe to open in a spreadsheet (SEC-12).

A workbook of texts is five small files and one large one for each sheet (ECMA-376
part 1).  Written directly a row costs microseconds; a library that makes an object of
each cell takes fifty times as long, which a million rows do not forgive.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mailcore.sheets.formulas import escape_cell

__all__ = ["ROWS_OF_A_SHEET", "XlsxWriter"]

ROWS_OF_A_SHEET = 1_048_576
_BUFFERED = 500  # rows
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"

_UNUSUAL = re.compile("_x|[<>&\x00-\x1f\ud800-\udfff\ufffe\uffff]|^ | $").search
_NEVER_IN_XML = re.compile("[\x00\ud800-\udfff\ufffe\uffff]")
_CODED = re.compile("[\x01-\x08\x0b-\x1f]")  # "\r" too: XML would make it a "\n"
_LIKE_A_CODE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


class XlsxWriter:
    """Write a workbook in constant memory; a full sheet goes on in another.

    Use as a context manager, or call `close`: before that the file is no workbook.
    Every cell is a text and escaped; each sheet begins with the titles.
    """

    def __init__(
        self, path: Path, titles: Sequence[str], *, sheet_rows: int = ROWS_OF_A_SHEET
    ) -> None:
        # Level 1: the worker has better uses for its time than a smaller file.
        self._archive = zipfile.ZipFile(
            path, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=1
        )
        self._titles = [*titles]
        self._sheet_rows = sheet_rows
        self._sheets = 0
        self._begin_sheet()

    def write(self, cells: Sequence[str]) -> None:
        if self._left == 0:
            self._end_sheet()
            self._begin_sheet()
        self._left -= 1
        self._rows.append(f"<row>{''.join(map(_cell, cells))}</row>")
        if len(self._rows) == _BUFFERED:
            self._flush()

    def close(self) -> None:
        self._end_sheet()
        for name, content in _frame(self._sheets):
            self._archive.writestr(name, _HEAD + content)
        self._archive.close()

    def _begin_sheet(self) -> None:
        self._sheets += 1
        self._left = self._sheet_rows
        self._part = self._archive.open(
            f"xl/worksheets/sheet{self._sheets}.xml", "w", force_zip64=True
        )
        self._rows = [f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>']
        if self._titles:
            self.write(self._titles)

    def _end_sheet(self) -> None:
        self._rows.append("</sheetData></worksheet>")
        self._flush()
        self._part.close()

    def _flush(self) -> None:
        self._part.write("".join(self._rows).encode())
        self._rows.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _cell(text: str) -> str:
    if not text:
        return "<c/>"
    text = escape_cell(text)
    if not _UNUSUAL(text):
        return f'<c t="inlineStr"><is><t>{text}</t></is></c>'
    text = _in_xml(text)
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _in_xml(text: str) -> str:
    """Write what XML lacks as ``_xHHHH_`` (ECMA-376 part 1, 22.9.2.19)."""
    text = _LIKE_A_CODE.sub("_x005F_", _NEVER_IN_XML.sub("\ufffd", text))
    text = _CODED.sub(lambda match: f"_x{ord(match[0]):04X}_", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _frame(sheets: int) -> list[tuple[str, str]]:
    """Return the small files that make a workbook of the sheets."""
    numbers = range(1, sheets + 1)
    return [
        (
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
            + "".join(
                f'<Override PartName="/xl/worksheets/sheet{n}.xml" '
                f'ContentType="{_TYPE}.worksheet+xml"/>'
                for n in numbers
            )
            + "</Types>",
        ),
        (
            "_rels/.rels",
            _relations([("officeDocument", "xl/workbook.xml")]),
        ),
        (
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets>'
            + "".join(
                f'<sheet name="{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers
            )
            + "</sheets></workbook>",
        ),
        (
            "xl/_rels/workbook.xml.rels",
            _relations([("worksheet", f"worksheets/sheet{n}.xml") for n in numbers]),
        ),
    ]


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{_DOCUMENT}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    return (
        f'<Relationships xmlns="{_PACKAGE}/relationships">{relations}</Relationships>'
    )
