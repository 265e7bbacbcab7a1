"""Make found by their names whom an import has added or renamed: after all are in."""

# ruff: noqa: S608 - nothing but words of our own is put into the statements
from __future__ import annotations

from collections.abc import Callable

from django.db import connection, transaction
from django.utils import timezone

from pochtar.accounts.services import write_audit
from pochtar.recipients.import_applying import last_number
from pochtar.recipients.import_sql import KNOWN, Range, ask, is_postgresql, run
from pochtar.recipients.models import Import, ImportStep, SearchWord, WorkState
from pochtar.recipients.words import words_of
from pochtar.recipients.work import keep, let_go

CHUNK = 10_000
CHUNK_SQLITE = 4_000
_SLASH = "\\"


def index(import_: Import, *, over: Callable[[], bool]) -> bool:
    """Go on writing search words until all are there (True) or the turn is ``over``."""
    if not import_.started_at:
        keep(import_, started_at=timezone.now(), total=last_number(import_))
    while import_.cursor < import_.total:
        _index_chunk(import_)
        if over():
            return False
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
    write_words(rows, renamed=_forget_renamed(rows))
    keep(import_, cursor=upto, done=upto)


RENAMED = (
    "SELECT c.recipient_id FROM recipients_importchange c"
    " JOIN recipients_recipient r ON r.id = c.recipient_id"
    " WHERE c.id > %(low)s AND c.id <= %(high)s AND r.name_key <> c.name_key"
)


def _forget_renamed(rows: Range) -> bool:
    """Take away the words of those whose name the import has changed."""
    if not ask(f"{RENAMED} LIMIT 1", rows.parameters()):
        return False
    run(
        f"DELETE FROM recipients_searchword WHERE recipient_id IN ({RENAMED})",
        rows.parameters(),
    )
    return True


def write_words(rows: Range, *, renamed: bool) -> None:
    """Write the words of the rows' recipients who have none."""
    # Whoever was changed, by hand too, since the rows were applied, has them already.
    people = ask(
        "SELECT r.id, r.email_key, r.full_name FROM recipients_importrow s"
        f" JOIN recipients_recipient r ON {KNOWN if renamed else 'r.id = s.recipient_id'}"
        " WHERE s.id > %(low)s AND s.id <= %(high)s AND s.twin_of = 0"
        " AND NOT EXISTS (SELECT 1 FROM recipients_searchword w"
        " WHERE w.recipient_id = r.id) ORDER BY r.id",
        rows.parameters(),
    )
    workspace = rows.parameters()["workspace"]
    words = [
        (workspace, pk, word)
        for pk, email_key, full_name in people
        for word in words_of(email_key=email_key, full_name=full_name)
    ]
    if is_postgresql():
        _copy(words)
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO recipients_searchword (workspace_id, recipient_id, word)"
            " VALUES (%s, %s, %s) ON CONFLICT (recipient_id, word) DO NOTHING",
            words,
        )


def _copy(words: list[tuple[object, object, str]]) -> None:
    table = SearchWord._meta.db_table
    with (
        connection.cursor() as cursor,
        cursor.copy(
            f"COPY {table} (workspace_id, recipient_id, word) FROM STDIN"
        ) as copy,
    ):
        copy.write(
            "".join(
                f"{one}\t{who}\t{word.replace(_SLASH, _SLASH * 2)}\n"
                for one, who, word in words
            )
        )
