"""Take back what an import did, but for rows that have been changed since.

"Since" shows in the stamps: the import wrote its own into ``updated_at`` of whom it
added or changed, and into ``created_at`` of the places in lists that it made.  Somebody
it added is also kept if they have unsubscribed or been put into another list: deleting
them would forget that.  What is kept stays as it is, places in lists included.
"""

# ruff: noqa: S608 - nothing but words of our own is put into the statements
from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from pochtar.accounts.services import note_departure, write_audit
from pochtar.recipients.import_applying import last_number
from pochtar.recipients.import_index import RENAMED, SEARCHED
from pochtar.recipients.import_sql import (
    Range,
    ask,
    lock,
    recipients_joined,
    run,
    stored,
)
from pochtar.recipients.indexing import index_selected
from pochtar.recipients.models import Import, ImportStep, Recipient, WorkState
from pochtar.recipients.work import keep, let_go

CHUNK = 2_000  # deleting goes through every table that knows a recipient

UNTOUCHED = (
    "r.updated_at = %(stamp)s AND r.unsubscribed_at IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM recipients_subscription m"
    " WHERE m.recipient_id = r.id AND m.created_at <> %(stamp)s)"
)
IN_CHANGES = "c.id > %(low)s AND c.id <= %(high)s"


def undo(import_: Import, *, over: Callable[[], bool]) -> bool:
    """Go on taking back until it is done (True) or the turn is ``over``."""
    if not import_.started_at:
        keep(import_, started_at=timezone.now(), total=last_number(import_))
    while import_.cursor < import_.total:
        _undo_chunk(import_)
        if over():
            return False
    with transaction.atomic():
        let_go(import_, state=WorkState.DONE, step=ImportStep.UNDONE, error="")
        write_audit(
            import_.workspace,
            by=import_.created_by,
            verb="import_undone",
            subject=import_,
            **{name: import_.counts.get(name, 0) for name in ("removed", "restored")},
        )
    return True


@transaction.atomic
def _undo_chunk(import_: Import) -> None:
    upto = min(import_.cursor + CHUNK, import_.total)
    rows = Range(import_=import_, after=import_.cursor, upto=upto)
    # First: nobody takes the workspace's row after rows of recipients.
    note_departure(import_.workspace_id)
    removed = _remove_added(rows)
    restored = _restore_changed(rows)
    _take_out_of_lists(rows)
    counts = Counter(import_.counts)
    counts.update(removed=removed, restored=restored, kept=_count_kept(rows))
    keep(import_, cursor=upto, done=upto, counts=dict(counts))


def _remove_added(rows: Range) -> int:
    ids = ask(
        "SELECT r.id FROM recipients_importrow s"
        f"{recipients_joined('r.id = s.recipient_id')}"
        " WHERE s.id > %(low)s AND s.id <= %(high)s AND s.twin_of = 0"
        f" AND {UNTOUCHED} ORDER BY r.id {lock('FOR UPDATE OF r')}",
        rows.parameters(),
    )
    people = Recipient.objects.filter(pk__in=[UUID(str(pk)) for (pk,) in ids])
    return people.delete()[1].get(Recipient._meta.label, 0)


def _restore_changed(rows: Range) -> int:
    """Put back what was; what remains in ImportChange has been changed since."""
    renamed = bool(ask(f"{RENAMED} LIMIT 1", rows.parameters()))
    restored = run(
        "UPDATE recipients_recipient AS r SET full_name = c.full_name,"
        " name_key = c.name_key, comment = c.comment, attributes = c.attributes,"
        " basis = c.basis, updated_at = c.updated_at FROM recipients_importchange c"
        f" WHERE {IN_CHANGES} AND r.id = c.recipient_id AND r.updated_at = %(stamp)s",
        rows.parameters(),
    )
    if renamed:
        index_selected(
            f"{SEARCHED} FROM recipients_importchange c"
            " JOIN recipients_recipient r ON r.id = c.recipient_id"
            f" WHERE {IN_CHANGES} AND r.updated_at = c.updated_at",
            rows.parameters(),
        )
    if restored:
        run(
            "DELETE FROM recipients_importchange WHERE id IN ("
            "SELECT c.id FROM recipients_importchange c"
            " JOIN recipients_recipient r ON r.id = c.recipient_id"
            f" WHERE {IN_CHANGES} AND r.updated_at = c.updated_at)",
            rows.parameters(),
        )
    return restored


def _take_out_of_lists(rows: Range) -> None:
    """Take known ones out of the lists into which the import put them."""
    lists = rows.import_.lists.values_list("pk", flat=True)
    for pk in sorted(lists):
        run(
            "DELETE FROM recipients_subscription WHERE list_id = %(list)s"
            " AND created_at = %(stamp)s AND recipient_id IN ("
            f"SELECT r.id FROM recipients_importrow s"
            f"{recipients_joined()} LEFT JOIN recipients_importchange c ON c.id = s.id"
            " WHERE s.id > %(low)s AND s.id <= %(high)s AND s.twin_of = 0"
            " AND c.id IS NULL AND r.id <> s.recipient_id)",
            {**rows.parameters(), "list": stored("id", pk)},
        )


def _count_kept(rows: Range) -> int:
    return int(ask(f"SELECT COUNT(*) FROM ({KEPT}) kept", rows.parameters())[0][0])


# Of those whom the undo has gone past.
KEPT = (
    "SELECT s.id AS row_id, r.id AS recipient_id, true AS added"
    " FROM recipients_importrow s"
    " JOIN recipients_recipient r ON r.id = s.recipient_id"
    " WHERE s.id > %(low)s AND s.id <= %(high)s"
    " UNION ALL SELECT c.id, r.id, false FROM recipients_importchange c"
    " JOIN recipients_recipient r ON r.id = c.recipient_id"
    f" WHERE {IN_CHANGES}"
)
