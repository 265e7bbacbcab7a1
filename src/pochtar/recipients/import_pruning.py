"""Forget what nobody needs any more: files, rows set aside, uploads nobody went on with."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator

from django.conf import settings
from django.db.models import Max, Min, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from pochtar.recipients.import_files import folder, forget
from pochtar.recipients.models import (
    LOT,
    Import,
    ImportChange,
    ImportRefusal,
    ImportRow,
    WorkState,
)

BATCH = 20_000  # rows of one DELETE
FORGOTTEN = dt.timedelta(days=1)  # uploaded, and then?
TABLES = (ImportRow, ImportRefusal, ImportChange)


def prune_imports() -> int:
    """Forget what is old; return how many imports that concerned."""
    now = timezone.now()
    number = 0
    for import_ in _old(now).iterator():
        forget(import_.stored_as)
        if import_.lot:
            forget_rows(import_.lot)
        if import_.stamp:
            Import.objects.filter(pk=import_.pk).update(pruned_at=now)
        else:
            import_.delete()
        number += 1
    for lot in list(_stray_lots()):
        forget_rows(lot)
    _forget_stray_files()
    return number


def forget_rows(lot: int) -> None:
    """Delete what was set aside of an import, in short transactions."""
    for table in TABLES:
        rows = table.objects.filter(pk__gte=lot * LOT, pk__lt=(lot + 1) * LOT)
        edges = rows.aggregate(first=Min("pk"), last=Max("pk"))
        if edges["first"] is None:
            continue
        for start in range(edges["first"], edges["last"] + 1, BATCH):
            rows.filter(pk__gte=start, pk__lt=start + BATCH).delete()


def _old(now: dt.datetime):  # type: ignore[no-untyped-def]
    idle = Import.objects.filter(state=WorkState.IDLE, created_at__lt=now - FORGOTTEN)
    over = Import.objects.filter(pruned_at=None).annotate(
        ended_at=Coalesce("finished_at", "created_at")
    )
    days = dt.timedelta(days=settings.IMPORT_KEEP_DAYS)
    ended = over.filter(
        state__in=[WorkState.DONE, WorkState.CANCELLED, WorkState.FAILED],
        ended_at__lt=now - days,
    )
    return Import.objects.filter(
        Q(pk__in=idle.values("pk")) | Q(pk__in=ended.values("pk"))
    )


def _stray_lots() -> Iterator[int]:
    """Yield the lots that no import has: it was checked anew, or its workspace is gone."""
    for table in TABLES:
        first = table.objects.aggregate(first=Min("pk"))["first"]
        while first is not None:
            lot = first // LOT
            if not Import.objects.filter(lot=lot).exists():
                yield lot
            beyond = table.objects.filter(pk__gte=(lot + 1) * LOT)
            first = beyond.aggregate(first=Min("pk"))["first"]


def _forget_stray_files() -> None:
    """Remove files without an import: somebody died between the two."""
    if not folder().is_dir():
        return
    known = set(Import.objects.values_list("stored_as", flat=True))
    before = time.time() - FORGOTTEN.total_seconds()
    for path in folder().iterdir():
        if path.name not in known and path.stat().st_mtime < before:
            forget(path.name)
