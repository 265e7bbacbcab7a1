"""Take a person out of imports: rows set aside, and the files as they came (LAW-06).

A text file keeps its lines, so that the report still tells which row was which: those
that name the person are made unreadable.  A workbook is forgotten as a whole.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.base.errors import Conflict
from pochtar.base.hiding import hide_addresses
from pochtar.base.traces import Traces
from pochtar.recipients.import_files import forget, path_of
from pochtar.recipients.import_pruning import forget_rows
from pochtar.recipients.models import (
    LOT,
    Import,
    ImportChange,
    ImportRefusal,
    ImportRow,
    WorkState,
)

LETTER = re.compile(r"\w")
ENDED = (WorkState.DONE, WorkState.FAILED, WorkState.CANCELLED)


def erase_imports(traces: Traces) -> None:
    """Take the person out of every import; Conflict while one with them is under way."""
    imports = Import.objects.filter(workspace=traces.workspace_id)
    for column in ("columns", "applied"):
        hide_addresses(imports, column, traces)
    for import_ in imports.filter(pruned_at=None):
        found = _is_in_file(import_, traces)
        if found and import_.state not in ENDED:
            raise Conflict(
                "import_under_way",
                _(
                    "An import that names this person is not finished: "
                    "finish it or delete it first."
                ),
            )
        if found:
            _mend_file(import_, traces)
        if import_.lot is not None:
            _erase_rows(import_.lot, traces)


def _erase_rows(lot: int, traces: Traces) -> None:
    mine = Q(pk__gte=lot * LOT, pk__lt=(lot + 1) * LOT)
    theirs = Q(email_key__in=traces.addresses) | Q(recipient_id__in=traces.ids)
    ImportRow.objects.filter(mine & theirs).delete()
    ImportChange.objects.filter(mine, recipient_id__in=traces.ids).delete()
    refused = ImportRefusal.objects.filter(mine).exclude(cells=None)
    for row in refused.only("pk", "cells").iterator(500):
        if any(traces.named_in(str(cell)) for cell in row.cells or ()):
            ImportRefusal.objects.filter(pk=row.pk).update(cells=None)


def _is_in_file(import_: Import, traces: Traces) -> bool:
    path = path_of(import_)
    if not (import_.stored_as and path.is_file()):
        return False
    if not _encoding(import_):  # a workbook is packed: its rows say who is in it
        return _is_in_rows(import_, traces)
    with _open(path, import_) as lines:
        return any(map(traces.named_in, lines))


def _is_in_rows(import_: Import, traces: Traces) -> bool:
    """Say whether the workbook may name them; one that was never read may."""
    if import_.lot is None:
        return True
    mine = Q(pk__gte=import_.lot * LOT, pk__lt=(import_.lot + 1) * LOT)
    rows = ImportRow.objects.filter(mine, email_key__in=traces.addresses)
    return rows.exists() or ImportRefusal.objects.filter(mine).exists()


def _mend_file(import_: Import, traces: Traces) -> None:
    path = path_of(import_)
    if not _encoding(import_):
        forget(import_.stored_as)
        if import_.lot is not None:
            forget_rows(import_.lot)
        Import.objects.filter(pk=import_.pk).update(pruned_at=timezone.now())
        return
    mended = path.with_name(f"{path.name}.mended")
    with _open(path, import_) as lines, _open(mended, import_, mode="w") as file:
        for line in lines:
            file.write(LETTER.sub("x", line) if traces.named_in(line) else line)
    mended.replace(path)


def _encoding(import_: Import) -> str:
    return str(import_.understood.get("encoding") or "")


def _open(path: Path, import_: Import, *, mode: str = "r") -> IO[str]:
    """Open the text as it came: bytes that the encoding lacks come through unchanged."""
    encoding = _encoding(import_)
    return path.open(mode, encoding=encoding, errors="surrogateescape", newline="")
