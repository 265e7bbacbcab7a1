"""Bring the rows of a checked file in, a chunk at a time.

Each chunk is one transaction with the place behind it, so that a worker may die
anywhere.  Locks are taken in everybody's order: the workspace (shared: the stop list
stands still), recipients by id, the end of the consent chain.

Where the check has met people who are there, only rows that do something are gone through
(import_narrowing.py).

1. Whoever is not there is inserted; the stop list is looked at in the same statement.
2. What others were before is kept (ImportChange), then they are changed.
3. All of them get their places in the lists.
4. The ledger gets a line for those whose basis this is.
"""

# ruff: noqa: S608 - nothing but words of our own is put into the statements
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from pochtar.recipients.consent import record_batch
from pochtar.recipients.consent_chain import SubjectsDigest
from pochtar.recipients.import_matching import is_stopped
from pochtar.recipients.import_narrowing import ROWS, Touched
from pochtar.recipients.import_sql import (
    IN_RANGE,
    Range,
    ask,
    differs,
    first_id,
    is_postgresql,
    lock,
    merged,
    recipients_joined,
    run,
    stored,
)
from pochtar.recipients.models import (
    ConsentKind,
    ConsentSource,
    Import,
    ImportStep,
    Recipient,
    RecipientList,
    WorkState,
)
from pochtar.recipients.stop_marks import hold_stop_list
from pochtar.recipients.work import keep, let_go

CHUNK = 40_000
CHUNK_SQLITE = 20_000  # half a second, in which a page that writes has to wait


def apply(import_: Import, *, over: Callable[[], bool]) -> bool:
    """Go on bringing rows in until all are (True) or the turn is ``over``."""
    if not import_.started_at:
        keep(import_, started_at=timezone.now(), total=last_number(import_))
    touched = Touched(import_) if _meets_known(import_) else None
    try:
        while import_.cursor < import_.total:
            _apply_chunk(import_, touched)
            if over():
                return False
    finally:
        if touched:
            touched.close()
    let_go(
        import_,
        state=WorkState.WAITING,
        step=ImportStep.INDEXING,
        counts={**import_.counts, **import_.applied},
        cursor=0,
        done=0,
        started_at=None,
    )
    return True


def last_number(import_: Import) -> int:
    whole = Range(import_=import_)
    sql = (
        "SELECT MAX(id) FROM recipients_importrow WHERE id > %(low)s AND id <= %(high)s"
    )
    last = ask(sql, whole.parameters())[0][0]
    return last - first_id(import_) if last else 0


def _meets_known(import_: Import) -> bool:
    return bool(import_.counts.get("updated") or import_.counts.get("unchanged"))


def _apply_chunk(import_: Import, touched: Touched | None) -> None:
    size = CHUNK if is_postgresql() else CHUNK_SQLITE
    upto = min(import_.cursor + size, import_.total)
    rows = Range(import_=import_, after=import_.cursor, upto=upto)
    idle = touched is not None and not touched.any_in(rows)
    with transaction.atomic():
        chunk = _Chunk(rows, narrowed=touched is not None)
        applied = Counter(import_.applied)
        applied.update(chunk.pass_over() if idle else chunk.write())
        keep(import_, cursor=upto, done=upto, applied={**_NOTHING, **applied})


_NOTHING = dict.fromkeys(("new", "updated", "unchanged", "suppressed"), 0)


class _Chunk:
    def __init__(self, rows: Range, *, narrowed: bool) -> None:
        self._rows = rows
        self._import = rows.import_
        self._parameters = rows.parameters()
        self._narrowed = narrowed
        self._source = ROWS if narrowed else "recipients_importrow s"

    def pass_over(self) -> dict[str, int]:
        return {"unchanged": self._count()}

    def write(self) -> dict[str, int]:
        hold_stop_list(self._import.workspace_id)
        lists = self._lock_lists()
        total = self._count()
        new = self._insert() if total else 0
        changed = self._change() if new < total else 0
        for pk in lists:
            self._subscribe(pk, all_new=new == total)
        if self._import.basis and (new or changed):
            self._record_basis(all_new=new == total)
        return {
            "new": new,
            "updated": changed,
            "unchanged": total - new - changed,
            "suppressed": self._count_suppressed(),
        }

    def _lock_lists(self) -> Sequence[UUID]:
        """Return the lists that are still there; they stay until the commit."""
        chosen = self._import.lists.through.objects.filter(import_id=self._import.pk)
        ids = chosen.values_list("recipientlist_id", flat=True)
        lists = RecipientList.objects.filter(pk__in=list(ids)).order_by("pk")
        found = list(lists.values_list("pk", flat=True))
        if is_postgresql() and found:  # shared: others may fill the same list
            run(
                "SELECT 1 FROM recipients_recipientlist WHERE id = ANY(%(lists)s)"
                " FOR KEY SHARE",
                {"lists": found},
            )
            found = list(lists.values_list("pk", flat=True))
        return found

    def _count(self) -> int:
        sql = f"SELECT COUNT(*) FROM recipients_importrow s WHERE {IN_RANGE}"
        return int(ask(sql, self._parameters)[0][0])

    def _insert(self) -> int:
        """Insert whoever is not there.

        Where the check found nobody, the database need not look for everybody again:
        that is what ON CONFLICT costs.  If somebody has come meanwhile, it must.
        """
        if not self._narrowed:
            try:
                with transaction.atomic():
                    return self._insert_rows("")
            except IntegrityError:
                pass
        return self._insert_rows("ON CONFLICT (workspace_id, email_key) DO NOTHING")

    def _insert_rows(self, conflict: str) -> int:
        parameters = {**self._parameters}
        values = {
            "id": "s.recipient_id",
            "workspace": "%(workspace)s",
            **{name: f"s.{name}" for name in _TAKEN},
            "created_at": "%(stamp)s",
            "updated_at": "%(stamp)s",
            "basis": "%(basis)s",
            "suppressed": f"({is_stopped(self._rows, parameters)})",
        }
        columns = []
        for field in Recipient._meta.concrete_fields:
            if field.name not in values:
                values[field.name] = f"%(default_{field.name})s"
                parameters[f"default_{field.name}"] = stored(
                    field.name, field.get_default()
                )
            columns.append(
                (connection.ops.quote_name(str(field.column)), values[field.name])
            )
        return run(
            f"INSERT INTO recipients_recipient"
            f" ({', '.join(name for name, _value in columns)})"
            f" SELECT {', '.join(value for _name, value in columns)}"
            f" FROM {self._source} WHERE {IN_RANGE}"
            f" ORDER BY s.id {conflict}",
            parameters,
        )

    def _change(self) -> int:
        """Keep what was, then change it; whoever is inserted above differs in nothing."""
        condition = differs(self._import)
        if condition == "false":
            return 0
        kept = run(
            "INSERT INTO recipients_importchange (id, recipient_id, full_name,"
            " name_key, comment, attributes, basis, updated_at)"
            " SELECT s.id, r.id, r.full_name, r.name_key, r.comment, r.attributes,"
            f" r.basis, r.updated_at FROM {self._source}"
            f"{recipients_joined()}"
            f" WHERE {IN_RANGE} AND ({condition}) ORDER BY r.id"
            f" {lock('FOR NO KEY UPDATE OF r')}",
            self._parameters,
        )
        if kept:
            run(
                f"UPDATE recipients_recipient AS r SET {self._changes()}"
                " FROM recipients_importrow s, recipients_importchange c"
                " WHERE c.id > %(low)s AND c.id <= %(high)s AND s.id = c.id"
                " AND r.id = c.recipient_id",
                self._parameters,
            )
        return kept

    def _changes(self) -> str:
        sets = ["updated_at = %(stamp)s"]
        if self._import.update_existing:
            sets += [
                f"{name} = CASE WHEN s.{given} <> '' THEN s.{name} ELSE r.{name} END"
                for name, given in (
                    ("full_name", "full_name"),
                    ("name_key", "full_name"),
                    ("comment", "comment"),
                )
            ]
            sets.append(f"attributes = {merged()}")
        if self._import.basis:
            sets.append(
                "basis = CASE WHEN r.basis = '' THEN %(basis)s ELSE r.basis END"
            )
        return ", ".join(sets)

    def _subscribe(self, list_id: UUID, *, all_new: bool) -> int:
        people = (
            f"SELECT s.recipient_id AS id FROM {self._source} WHERE {IN_RANGE}"
            if all_new
            else f"SELECT r.id AS id FROM {self._source}"
            f"{recipients_joined()} WHERE {IN_RANGE}"
            f" ORDER BY r.id {lock('FOR KEY SHARE OF r')}"
        )
        return run(
            "INSERT INTO recipients_subscription (list_id, recipient_id, created_at)"
            f" SELECT %(list)s, p.id, %(stamp)s FROM ({people}) p WHERE true"
            f" {'' if all_new else _ONCE}",
            {**self._parameters, "list": stored("id", list_id)},
        )

    def _record_basis(self, *, all_new: bool) -> None:
        """Write the ledger's line for those who are new, or had no basis (LAW-01)."""
        whose = f"FROM {self._source} WHERE {IN_RANGE} ORDER BY s.id"
        if not all_new:
            whose = (
                f"FROM {self._source}{recipients_joined()}"
                " LEFT JOIN recipients_importchange c ON c.id = s.id"
                f" WHERE {IN_RANGE} AND r.updated_at = %(stamp)s"
                " AND (c.id IS NULL AND r.id = s.recipient_id OR c.basis = '')"
                " ORDER BY s.id"
            )
        subjects = ask(f"SELECT s.id, s.address_hash {whose}", self._parameters)
        if not subjects:
            return
        first = first_id(self._import)
        digest = SubjectsDigest()
        for pk, address_hash in subjects:
            digest.add(pk - first, address_hash)
        entry = record_batch(
            self._import.workspace_id,
            kind=ConsentKind.GIVEN,
            basis=self._import.basis,
            source=ConsentSource.IMPORT,
            reference=str(self._import.pk),
            wording=self._import.wording,
            by=self._import.created_by_id,
            digest=digest.hexdigest(),
            number=digest.number,
        )
        run(
            'INSERT INTO recipients_consentsubject (entry_id, address_hash, "row")'
            f" SELECT %(entry)s, s.address_hash, s.id - %(first)s {whose}",
            {**self._parameters, "entry": entry.pk, "first": first},
        )

    def _count_suppressed(self) -> int:
        sql = (
            f"SELECT COUNT(*) FROM {self._source}"
            f"{recipients_joined()} AND r.suppressed"
            f" WHERE {IN_RANGE}"
        )
        stopped = Recipient.objects.filter(
            workspace=self._import.workspace_id, suppressed=True
        )
        # Asked in the order of their index: without one SQLite reads all recipients.
        if not stopped.order_by("pk").values_list("pk")[:1]:
            return 0
        return int(ask(sql, self._parameters)[0][0])


_ONCE = "ON CONFLICT (list_id, recipient_id) DO NOTHING"
_TAKEN = (
    "email",
    "email_key",
    "address_hash",
    "full_name",
    "name_key",
    "comment",
    "attributes",
)
