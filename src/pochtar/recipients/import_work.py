"""Do the background part of imports, a turn at a time.

A turn is short, so that letters do not wait behind an import in the same worker: it
ends after TURN_SECONDS, and asks for the next one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Protocol
from uuid import UUID

import structlog
from django.db import IntegrityError, OperationalError

from mailcore.sheets import SheetError
from pochtar.base.queue import NamedTask, nudge
from pochtar.recipients.import_applying import apply
from pochtar.recipients.import_checking import check
from pochtar.recipients.import_index import index
from pochtar.recipients.import_undo import undo
from pochtar.recipients.models import Import, ImportStep, WorkState
from pochtar.recipients.work import LeaseLost, let_go, take

log = structlog.get_logger(__name__)

TURN_SECONDS = 20
MOST_TRIES = 3  # after somebody else was in the way
RUN_IMPORT = NamedTask("pochtar.recipients.run_import", expires=10)


class _Phase(Protocol):
    def __call__(self, import_: Import, *, over: Callable[[], bool]) -> bool: ...


PHASES: Mapping[str, _Phase] = {
    ImportStep.CHECKING: check,
    ImportStep.APPLYING: apply,
    ImportStep.INDEXING: index,
    ImportStep.UNDOING: undo,
}


def run_turn(pk: UUID, *, seconds: float = TURN_SECONDS) -> bool:
    """Work on the import for so long; say whether there is more to do."""
    deadline = time.monotonic() + seconds

    def over() -> bool:
        return time.monotonic() > deadline

    tries = 0
    while import_ := take(Import, pk):
        try:
            ended = PHASES[import_.step](import_, over=over)
            if not ended:
                let_go(import_, state=WorkState.WAITING)
        except LeaseLost:
            return False  # cancelled, or somebody else has it
        except (OperationalError, IntegrityError) as error:
            # Two wait for each other, or a recipient was deleted under our hands.
            tries += 1
            log.warning("import_tried_again", id=str(pk), error=str(error)[:200])
            again = tries < MOST_TRIES
            _stop(import_, WorkState.WAITING if again else WorkState.FAILED)
        except (SheetError, OSError) as error:
            log.warning("import_unreadable", id=str(pk), error=str(error)[:200])
            _stop(import_, WorkState.FAILED, "file_unreadable")
        if over():
            return import_.is_active
    return False


def _stop(import_: Import, state: WorkState, error: str = "failed") -> None:
    values = {"error": error} if state == WorkState.FAILED else {}
    with contextlib.suppress(LeaseLost):  # cancelled meanwhile
        let_go(import_, state=state, **values)


def nudge_import(pk: UUID) -> None:
    """Have a worker look at the import once the transaction is committed."""
    nudge(RUN_IMPORT, str(pk))
