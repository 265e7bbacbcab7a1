"""Read a stop list: an address or a domain a row, perhaps with reason and evidence."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, islice
from pathlib import Path

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mailcore.sheets import (
    DELIMITERS,
    BadRow,
    SheetError,
    Understood,
    read_rows,
    understand,
)
from mailcore.sheets.charsets import find_encoding
from mailcore.sheets.model import Limits
from pochtar.base.errors import InvalidInput
from pochtar.recipients.cleaning import clean_address
from pochtar.recipients.models import SuppressionReason
from pochtar.recipients.stoplist import StopEntry, clean_domain, clean_evidence

MOST_ROWS = 200_000
MOST_BYTES = 20 * 1024 * 1024
LIMITS = Limits(file_bytes=MOST_BYTES, packed_bytes=MOST_BYTES)
SAMPLE_ROWS = 50
SHOWN = 120  # characters of a refused row

_WHAT = re.compile(r"e-?mail|address|domain|адрес|почта|домен|what|кто", re.IGNORECASE)
_REASON = re.compile(r"reason|причина", re.IGNORECASE)
_EVIDENCE = re.compile(
    r"evidence|comment|note|proof|основание|коммент|подтвержд|примеч", re.IGNORECASE
)
_UNREADABLE: Mapping[str, Promise] = {
    "empty": _("The file is empty."),
    "too_big": _("The file is too big: at most 20 MB."),
    "encrypted": _("The workbook is locked by a password. Save it without one."),
    "unreadable_encoding": _("The file's encoding cannot be read. Save it as UTF-8."),
}
_NO_TABLE = _(
    "This cannot be read as a list. Give a CSV, XLSX or ODS file, or paste the rows: "
    "an address or a domain in each."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A row that cannot go in: its number in the file, what it holds, and why not."""

    number: int
    text: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    what: int
    reason: int | None
    evidence: int | None


def read_stop_list(
    content: bytes, file_name: str, reason: SuppressionReason
) -> Iterator[StopEntry | Refused]:
    """Yield an entry, or why there is none, for each row that is not blank.

    InvalidInput (``file``) when nothing in it can be read, or there is too much.
    """
    with _as_file(content, file_name) as path:
        try:
            yield from _read(path, file_name, reason)
        except SheetError as error:
            text = _UNREADABLE.get(error.code, _NO_TABLE)
            raise InvalidInput(f"sheet_{error.code}", text, field="file") from error


def _read(
    path: Path, file_name: str, reason: SuppressionReason
) -> Iterator[StopEntry | Refused]:
    # Whether there is a header is seen here: a domain has no "@" to tell it by.
    understood = replace(_understand(path, file_name), header=False)
    rows = read_rows(path, understood, limits=LIMITS)
    first = next(rows, None)
    if first is None:
        raise SheetError("empty")
    columns, has_header = _columns(first[1])
    for count, (number, cells) in enumerate(
        rows if has_header else chain([first], rows)
    ):
        if count == MOST_ROWS:
            raise InvalidInput(
                "too_many_rows",
                _("There are more than 200,000 rows. Import the list in parts."),
                field="file",
            )
        yield _entry(number, cells, columns, reason)


@contextmanager
def _as_file(content: bytes, file_name: str) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(suffix=Path(file_name).suffix[:8]) as file:
        file.write(content)
        file.flush()
        yield Path(file.name)


def _understand(path: Path, file_name: str) -> Understood:
    """Say how to read it; a column of domains alone is no table elsewhere, here it is."""
    try:
        understood = understand(path, file_name=file_name, limits=LIMITS)
    except SheetError as error:
        if error.code != "not_a_table":
            raise
        guess = Understood(kind="csv", encoding=find_encoding(path), delimiter=";")
        understood = _cut_best(path, guess)
        if not _merit(path, understood):
            raise
        return understood
    return _cut_best(path, understood) if understood.kind == "csv" else understood


def _cut_best(path: Path, understood: Understood) -> Understood:
    """Return the delimiter that sets most names free: not every row has more cells."""
    others = [replace(understood, delimiter=one) for one in DELIMITERS]
    return max([understood, *others], key=lambda one: _merit(path, one))


def _merit(path: Path, understood: Understood) -> int:
    shown = replace(understood, header=False)
    rows = islice(read_rows(path, shown, limits=LIMITS), SAMPLE_ROWS)
    return sum(any(map(_is_named, cells)) for _number, cells in rows)


def _columns(first: Sequence[str]) -> tuple[_Columns, bool]:
    """Return where things stand, and whether the first row is a header."""
    likely = next((n for n, cell in enumerate(first) if _is_named(cell)), None)
    if likely is not None:
        rest = [n for n in range(len(first)) if n > likely]
        reason, evidence = [*rest, None, None][:2]
        return _Columns(what=likely, reason=reason, evidence=evidence), False
    what = _find(first, _WHAT)
    if what is None:
        return _Columns(what=0, reason=1, evidence=2), False
    return (
        _Columns(
            what=what,
            reason=_find(first, _REASON),
            evidence=_find(first, _EVIDENCE),
        ),
        True,
    )


def _is_named(cell: str) -> bool:
    try:
        _named(cell)
    except InvalidInput:
        return False
    return True


def _find(titles: Sequence[str], pattern: re.Pattern[str]) -> int | None:
    return next((n for n, title in enumerate(titles) if pattern.search(title)), None)


def _entry(
    number: int, cells: list[str], columns: _Columns, reason: SuppressionReason
) -> StopEntry | Refused:
    text = "; ".join(cell for cell in cells if cell)[:SHOWN]
    if isinstance(cells, BadRow):
        return Refused(number=number, text=text, why=str(_("Cannot be read.")))
    try:
        email, domain = _named(_cell(cells, columns.what))
        given, evidence = _cell(cells, columns.reason), _cell(cells, columns.evidence)
        known = _reasons().get(given.casefold()) if given else reason
        if known is None:  # nothing that was typed is lost
            known, evidence = reason, "\n".join(filter(None, [given, evidence]))
        return StopEntry(
            email=email, domain=domain, reason=known, evidence=clean_evidence(evidence)
        )
    except InvalidInput as error:
        return Refused(number=number, text=text, why=str(error))


def _named(cell: str) -> tuple[str, str]:
    """Return the address or the domain in the cell; the other one is ""."""
    if not cell.strip():
        raise InvalidInput("nobody", _("There is neither an address nor a domain."))
    if "@" in cell.strip().removeprefix("@"):
        return clean_address(cell).display, ""
    return "", clean_domain(cell)


def _cell(cells: Sequence[str], place: int | None) -> str:
    if place is None or place >= len(cells):
        return ""
    return cells[place].strip()


@cache
def _reasons() -> Mapping[str, SuppressionReason]:
    """Return how the reasons are written: in our own files of either language."""
    words: dict[str, SuppressionReason] = {}
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            words |= {str(one.label).casefold(): one for one in SuppressionReason}
    own = {one.value: one for one in SuppressionReason}
    # Whoever was erased was erased elsewhere; here they are stopped by hand.
    return {
        word: SuppressionReason.MANUAL if one == SuppressionReason.ERASED else one
        for word, one in {**words, **own}.items()
    }
