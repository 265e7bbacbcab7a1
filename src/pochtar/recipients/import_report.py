"""What an import will do, has done, and could not do: examples, and a file to mend."""

# ruff: noqa: S608 - nothing but words of our own is put into the statements
from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.text import get_valid_filename
from django.utils.translation import gettext

from mailcore.sheets import CsvWriter
from pochtar.recipients.import_checking import rows_of_file
from pochtar.recipients.import_matching import is_stopped
from pochtar.recipients.import_sql import KNOWN, Range, ask, differs
from pochtar.recipients.import_undo import KEPT
from pochtar.recipients.import_words import REFUSALS, reason_title
from pochtar.recipients.models import (
    LOT,
    Import,
    ImportChange,
    ImportRefusal,
    ImportRow,
    ImportStep,
    Recipient,
)

BLOCK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A row of the file, as an example of what will happen (or happened) to its kind.

    ``action``: new, updated, unchanged, refused, duplicate, suppressed or
    unsubscribed.
    """

    number: int  # of the row in the file: what a spreadsheet shows beside it
    action: str
    email: str = ""
    full_name: str = ""
    comment: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    # updated: field (full_name, comment, basis, or an attribute as "attributes.<key>")
    # -> what is (or was) there and what will be.
    changes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    reason: str = ""  # refused: a key of REFUSALS
    cells: Sequence[str] = ()  # refused: the row as it came, long cells cut
    twin_of: int = 0  # duplicate: the number of the row that counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A recipient that an undo left as it is, because it had been changed since."""

    recipient_id: UUID
    number: int  # of the row in the file
    email: str
    full_name: str
    added: bool  # by this import; else it was there before


def sample_rows(import_: Import, action: str, limit: int = 20) -> list[Sample]:
    """Return examples of an action's rows (see `Sample`).

    For ``refused``, "refused:<code>" narrows it to one reason.
    """
    if import_.lot is None or import_.pruned_at:
        return []
    kind, _colon, code = action.partition(":")
    if kind == "refused":
        return _refused(import_, code, limit)
    ids = _ids_of(import_, kind, limit)
    rows = ImportRow.objects.filter(pk__in=ids).order_by("pk")
    changes = _changes(import_, list(rows)) if kind == "updated" else {}
    return [
        Sample(
            number=row.number,
            action=kind,
            email=row.email,
            full_name=row.full_name,
            comment=row.comment,
            attributes=row.attributes,
            twin_of=row.twin_of,
            changes=changes.get(row.pk, {}),
        )
        for row in rows
    ]


def _refusals(import_: Import, code: str = "") -> QuerySet[ImportRefusal]:
    whole = Range(import_=import_)
    rows = ImportRefusal.objects.filter(pk__gt=whole.low, pk__lte=whole.high)
    return (rows.filter(code=code) if code else rows).order_by("pk")


def _refused(import_: Import, code: str, limit: int) -> list[Sample]:
    return [
        Sample(
            number=row.number, action="refused", reason=row.code, cells=row.cells or ()
        )
        for row in _refusals(import_, code)[:limit]
    ]


# Before anything is written, and afterwards.
_WILL_BE = {
    "new": "r.id IS NULL",
    "updated": "r.id IS NOT NULL AND ({differs})",
    "unchanged": "r.id IS NOT NULL AND NOT ({differs})",
    "duplicate": "s.twin_of > 0",
    "unsubscribed": "r.unsubscribed_at IS NOT NULL",
}
_ADDED = (
    "EXISTS (SELECT 1 FROM recipients_recipient added WHERE added.id = s.recipient_id)"
)
_CHANGED = "s.id IN (SELECT c.id FROM recipients_importchange c)"
_WAS = {
    "new": _ADDED,
    "updated": _CHANGED,
    "unchanged": f"r.id IS NOT NULL AND r.id <> s.recipient_id AND NOT {_CHANGED}",
    "duplicate": "s.twin_of > 0",
    "suppressed": "r.suppressed",
    "unsubscribed": "r.unsubscribed_at IS NOT NULL",
}


def _ids_of(import_: Import, kind: str, limit: int) -> list[int]:
    rows = Range(import_=import_)
    parameters = rows.parameters(limit=limit)
    join = f"LEFT JOIN recipients_recipient r ON {KNOWN}"
    if import_.stamp is not None:
        condition = _WAS[kind]
    elif kind == "suppressed":
        stopped = is_stopped(rows, parameters)
        condition = f"CASE WHEN r.id IS NULL THEN {stopped} ELSE r.suppressed END"
    else:
        condition = _WILL_BE[kind].format(differs=differs(import_))
    alone = "" if kind == "duplicate" else "AND s.twin_of = 0"
    found = ask(
        f"SELECT s.id FROM recipients_importrow s {join}"
        f" WHERE s.id > %(low)s AND s.id <= %(high)s {alone} AND ({condition})"
        " ORDER BY s.id LIMIT %(limit)s",
        parameters,
    )
    return [pk for (pk,) in found]


def _changes(
    import_: Import, rows: Sequence[ImportRow]
) -> dict[int, dict[str, tuple[str, str]]]:
    """Return what the rows change, each with what is there, or was before."""
    if import_.stamp:
        before: dict[int, Any] = ImportChange.objects.in_bulk([row.pk for row in rows])
    else:
        keys = [row.email_key for row in rows]
        there = Recipient.objects.of(import_.workspace).filter(email_key__in=keys)
        people = {person.email_key: person for person in there}
        before = {row.pk: people.get(row.email_key) for row in rows}
    return {row.pk: _change(import_, before.get(row.pk), row) for row in rows}


def _change(import_: Import, before: Any, row: ImportRow) -> dict[str, tuple[str, str]]:
    if before is None:
        return {}
    pairs: dict[str, tuple[str, str]] = {}
    if import_.update_existing:
        pairs["full_name"] = before.full_name, row.full_name or before.full_name
        pairs["comment"] = before.comment, row.comment or before.comment
        for key, value in row.attributes.items():
            pairs[f"attributes.{key}"] = _text(before.attributes.get(key, "")), value
    if import_.basis and not before.basis:
        pairs["basis"] = "", import_.basis
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def refused_file(import_: Import) -> Iterator[bytes]:
    """Yield the refused rows as they came, each with its reason in a last column.

    In the encoding and with the delimiter that came (a workbook comes back as CSV in
    UTF-8 with a signature); the words are in the active language.
    """
    title = reason_title()
    words = {code: str(text) for code, text in REFUSALS.items()}
    stream = io.BytesIO()
    writer = CsvWriter(
        stream,
        encoding=_encoding_for(import_, [title, *words.values()]),
        delimiter=str(import_.understood.get("delimiter") or ";"),
        titles=[*(column["title"] for column in import_.columns), title]
        if import_.understood.get("header", True)
        else (),
    )
    width = len(import_.columns)
    for cells, code in _refused_cells(import_):
        padded = [*cells, *[""] * (width - len(cells))][:width]
        writer.write([*padded, words.get(code, code)])
        if stream.tell() > BLOCK:
            yield _drain(stream)
    yield _drain(stream)


def refused_file_name(import_: Import) -> str:
    """Return a name for that file: the import's own, and what it is."""
    stem = PurePath(import_.file_name or gettext("pasted")).stem
    return get_valid_filename(f"{stem} - {gettext('refused')}.csv")


def _refused_cells(import_: Import) -> Iterator[tuple[list[str], str]]:
    """Walk along the file and the refusals, both in the order of rows."""
    if import_.lot is None or import_.pruned_at:
        return
    refusals = _refusals(import_).values_list("pk", "code").iterator(chunk_size=5000)
    rows = rows_of_file(import_)
    for pk, code in refusals:
        for number, cells in rows:
            if number == pk % LOT:
                yield cells, code
                break


def _encoding_for(import_: Import, words: Sequence[str]) -> str:
    encoding = str(import_.understood.get("encoding") or "utf-8-sig")
    try:
        "".join(words).encode(encoding)
    except UnicodeEncodeError:
        return "utf-8-sig"
    return encoding


def _drain(stream: io.BytesIO) -> bytes:
    written = stream.getvalue()
    stream.seek(0)
    stream.truncate()
    return written


def kept_rows(import_: Import, limit: int = 100) -> list[Kept]:
    """Return what an undo left because it had changed since (counts["kept"] in all)."""
    if import_.pruned_at or import_.step not in {ImportStep.UNDOING, ImportStep.UNDONE}:
        return []
    rows = Range(import_=import_)
    found = ask(f"{KEPT} ORDER BY row_id LIMIT %(limit)s", rows.parameters(limit=limit))
    ids = [UUID(str(pk)) for _row, pk, _added in found]
    people = Recipient.objects.in_bulk(ids)
    return [
        Kept(
            recipient_id=pk,
            number=row % LOT,
            email=people[pk].email,
            full_name=people[pk].full_name,
            added=bool(added),
        )
        for (row, _pk, added), pk in zip(found, ids, strict=True)
        if pk in people
    ]
