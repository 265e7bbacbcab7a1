"""Make found by their names whom an import has added or renamed: after all are in."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from pochtar.accounts.services import write_audit
from pochtar.recipients.import_applying import last_number
from pochtar.recipients.import_sql import (
    KNOWN,
    Range,
    ask,
    is_postgresql,
    recipients_joined,
    refresh_statistics,
)
from pochtar.recipients.indexing import index_selected
from pochtar.recipients.models import Import, ImportStep, WorkState
from pochtar.recipients.work import keep, let_go

CHUNK = 10_000
CHUNK_SQLITE = 4_000
RENAMED = (
    "SELECT c.recipient_id FROM recipients_importchange c"
    " JOIN recipients_recipient r ON r.id = c.recipient_id"
    " WHERE c.id > %(low)s AND c.id <= %(high)s AND r.name_key <> c.name_key"
)
SEARCHED = (  # the columns that index_selected takes
    "SELECT r.id, r.workspace_id, r.email_key, r.name_key"
)


def index(import_: Import, *, over: Callable[[], bool]) -> bool:
    """Go on writing search texts until all are there (True) or the turn is ``over``."""
    if not import_.started_at:
        keep(import_, started_at=timezone.now(), total=last_number(import_))
    while import_.cursor < import_.total:
        _index_chunk(import_)
        if over():
            return False
    refresh_statistics()
    cancelled = import_.error == "cancelled"
    with transaction.atomic():
        let_go(
            import_,
            state=WorkState.CANCELLED if cancelled else WorkState.DONE,
            step=ImportStep.APPLYING if cancelled else ImportStep.FINISHED,
        )
        write_audit(
            import_.workspace,
            by=import_.created_by,
            verb="import_finished",
            subject=import_,
            counts=import_.counts,
        )
    return True


@transaction.atomic
def _index_chunk(import_: Import) -> None:
    size = CHUNK if is_postgresql() else CHUNK_SQLITE
    upto = min(import_.cursor + size, import_.total)
    rows = Range(import_=import_, after=import_.cursor, upto=upto)
    renamed = ask(f"{RENAMED} LIMIT 1", rows.parameters())
    index_selected(
        f"{SEARCHED} FROM recipients_importrow s"
        f"{recipients_joined(KNOWN if renamed else 'r.id = s.recipient_id')}"
        " WHERE s.id > %(low)s AND s.id <= %(high)s AND s.twin_of = 0",
        rows.parameters(),
    )
    keep(import_, cursor=upto, done=upto)
