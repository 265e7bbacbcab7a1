"""Move an import from one step to the next, if it still stands where it should."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from pochtar.base.errors import Conflict
from pochtar.recipients.import_work import nudge_import
from pochtar.recipients.models import (
    LOT,
    Import,
    ImportChange,
    ImportRefusal,
    ImportRow,
    ImportStep,
    WorkState,
)


def next_lot() -> int:
    """Return a lot that no import has and no row of a forgotten one."""
    taken = [Import.objects.aggregate(last=Max("lot"))["last"] or 0]
    tables: tuple[type[models.Model], ...] = (ImportRow, ImportRefusal, ImportChange)
    for table in tables:
        last = table._default_manager.aggregate(last=Max("pk"))["last"]  # noqa: SLF001 - Django documents it
        taken.append((last or 0) // LOT)
    return max(taken) + 1


def begin(
    import_: Import, step: ImportStep, *allowed: dict[str, Any], **values: Any
) -> None:
    """Start a phase from its beginning and have a worker look at it."""
    start = {"cursor": 0, "done": 0, "total": 0, "started_at": None, "error": ""}
    move(
        import_,
        *allowed,
        step=step,
        state=WorkState.WAITING,
        **{"finished_at": None, **start, **values},
    )
    nudge_import(import_.pk)


def move(import_: Import, *allowed: dict[str, Any], **values: Any) -> None:
    """Change the import if it stands as allowed; Conflict if it has moved on."""
    conditions = models.Q()
    for one in allowed:
        conditions |= models.Q(**one)
    if not Import.objects.filter(conditions, pk=import_.pk).update(**values):
        raise moved_on()
    import_.refresh_from_db()


def moved_on() -> Conflict:
    return Conflict(
        "import_moved_on", _("This import has moved on meanwhile. Look at it again.")
    )
