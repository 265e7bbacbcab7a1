"""CSV for spreadsheets: streamed, in constant memory, and safe to open (SEC-12)."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from django.http import StreamingHttpResponse

ROWS_A_CHUNK = 500
# A cell that a spreadsheet would take for a formula, also behind quotes or spaces and
# in full-width forms; the apostrophe in front makes it text.
FORMULA = re.compile(r"""^["'\s\u00a0\u3000]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]""")


def safe_cell(value: Any) -> str:
    """Return the value as text that no spreadsheet computes."""
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and FORMULA.match(text) else text


class _Echo:
    """A file whose writing gives the line back."""

    def write(self, line: str) -> str:
        return line


def stream_csv(
    name: str, header: Sequence[Any], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """Answer with a file; the byte order mark makes Excel read it as UTF-8."""
    answer = StreamingHttpResponse(
        _chunks(header, rows), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = (
        f"attachment; filename=\"export.csv\"; filename*=UTF-8''{quote(name)}.csv"
    )
    answer["Cache-Control"] = "no-store"
    return answer


def _chunks(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    writer = csv.writer(_Echo())
    lines = ["\ufeff", writer.writerow([str(title) for title in header])]
    for row in rows:
        lines.append(writer.writerow([safe_cell(value) for value in row]))
        if len(lines) >= ROWS_A_CHUNK:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()
