"""The engine's Outbox on the database.

Each write is one short transaction that starts by taking the slice's row with its
lease token: whoever has lost the lease changes nothing.  All letters of a mailing pass
through here, so what is asked for each page or batch is SQL by hand.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from mailcore.engine.retry import settle
from mailcore.engine.types import Item, Lease, LeaseLost, Result
from pochtar.delivery.bridge import Bridge
from pochtar.delivery.members import members_of
from pochtar.delivery.models import Delivery, Run, RunStatus, Slice, SliceStatus
from pochtar.delivery.recording import record_attempts, record_behind, row_of
from pochtar.delivery.retries import chain_of, put_off
from pochtar.delivery.tables import Statement, column_of, database_value, table_of

COLUMNS = ("email", "full_name")  # merge fields that are not attributes


class OrmOutbox:
    """One leased slice of one run."""

    def __init__(self, bridge: Bridge[Any], store: SliceStore) -> None:
        self._bridge = bridge
        self._store = store

    async def read(self, lease: Lease, *, after: int, limit: int) -> Sequence[Item]:
        if after >= lease.last_position:
            return []
        items: list[Item] = await self._bridge.call(
            self._store.read, lease, after, limit
        )
        return items

    async def advance(
        self, lease: Lease, *, results: Sequence[Result], cursor: int
    ) -> None:
        goes_on = await self._bridge.call(self._store.advance, lease, results, cursor)
        if not goes_on:
            self._bridge.stop.set()

    async def release(
        self, lease: Lease, *, results: Sequence[Result], cursor: int, done: bool
    ) -> None:
        await self._bridge.call(self._store.release, lease, results, cursor, done)


class SliceStore:
    """The synchronous side: what the outbox asks of the database."""

    def __init__(
        self,
        run: Run,
        slice_: Slice,
        *,
        names: frozenset[str],
        on_recorded: Callable[[Sequence[Result]], None] | None = None,
    ) -> None:
        self._run = run
        self._slice = slice_
        # Only what the letter uses: a whole JSON column costs 8 µs a row more.
        self._attributes = sorted(names - set(COLUMNS))
        self._on_recorded = on_recorded
        self._chain = chain_of(run, slice_)

    def lease(self) -> Lease:
        return Lease(
            slice_id=self._slice.pk,
            token=str(self._slice.lease_token),
            first_position=self._slice.first_position,
            last_position=self._slice.last_position,
            cursor=self._slice.cursor,
        )

    # Reading --------------------------------------------------------------------------
    def read(self, lease: Lease, after: int, limit: int) -> list[Item]:
        members = members_of(self._slice, after=after, up_to=lease.last_position)
        rows = _fetch(self._columns(members.order_by("position"))[:limit])
        keys = (*COLUMNS, *self._attributes)
        # Who was deleted meanwhile does not want a letter (MSG-25).
        return [
            Item(
                delivery_id=pk,
                position=position,
                email=values[0],
                name=values[1] or "",
                values=_merge_fields(keys, values),
                skip="" if recipient else "recipient_deleted",
            )
            for pk, position, recipient, *values in rows
        ]

    def _columns(self, members: QuerySet[Delivery]) -> QuerySet[Any, Any]:
        attributes = [
            KeyTextTransform(key, "recipient__attributes") for key in self._attributes
        ]
        return members.values_list(
            "pk",
            "position",
            "recipient_id",
            "email",
            "recipient__full_name",
            *attributes,
        )

    # Writing --------------------------------------------------------------------------
    def advance(self, lease: Lease, results: Sequence[Result], cursor: int) -> bool:
        """Record and move on; return whether the run is to go on."""
        now = timezone.now()
        results = [settle(result, self._chain) for result in results]
        expires_at = now + settings.DELIVERY_LEASE
        status = self._write(lease, results, cursor=cursor, lease_expires_at=expires_at)
        self._tell(results)
        return status == RunStatus.RUNNING and not self._late(now)

    def release(
        self, lease: Lease, results: Sequence[Result], cursor: int, done: bool
    ) -> None:
        results = [settle(result, self._chain) for result in results]
        with transaction.atomic():
            self._write(
                lease,
                results,
                cursor=cursor,
                status=SliceStatus.DONE if done else SliceStatus.READY,
                lease_token=None,
                lease_expires_at=None,
                leased_by="",
            )
            if done:
                put_off(self._run, self._slice)
        self._tell(results)

    def _write(self, lease: Lease, results: Sequence[Result], **values: object) -> str:
        """Change the slice and record, while the lease is ours; return the run's status."""
        rows = [row_of(one, number=self._slice.attempt_number) for one in results]
        update, source = _update_of(lease, values), self._slice.source
        if connection.vendor == "postgresql":
            found = record_behind(update, self._run, rows, source=source)
        else:
            with transaction.atomic():
                found = _execute(update)
                if found:
                    record_attempts(self._run, rows, source=source)
        if not found:
            raise LeaseLost(lease.slice_id)
        status: str = found[0]
        return status

    def _tell(self, results: Sequence[Result]) -> None:
        if results and self._on_recorded:
            self._on_recorded(results)

    def _late(self, now: dt.datetime) -> bool:
        return bool(self._run.stop_at and self._run.stop_at <= now)


def _update_of(lease: Lease, values: dict[str, object]) -> Statement:
    """Return the UPDATE of a slice that is still leased to us; its row is the run's status."""
    table, run_table = table_of(Slice), table_of(Run)
    keys = {"id": lease.slice_id, "lease_token": lease.token}
    sets = ", ".join(f"{column_of(Slice, name)} = %s" for name in values)
    mine = " AND ".join(f"{column_of(Slice, name)} = %s" for name in keys)
    joined = f"{run_table}.{column_of(Run, 'id')} = {table}.{column_of(Slice, 'run')}"
    status = f"(SELECT {column_of(Run, 'status')} FROM {run_table} WHERE {joined})"  # noqa: S608
    return Statement(
        f"UPDATE {table} SET {sets} WHERE {mine} RETURNING {status}",  # noqa: S608
        [
            database_value(Slice, name, value)
            for name, value in (*values.items(), *keys.items())
        ],
    )


def _execute(statement: Statement) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(*statement)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def _fetch(queryset: QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
    """Return the rows as the driver gives them, without the ORM's loop over each."""
    sql, parameters = queryset.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _merge_fields(keys: Sequence[str], values: Sequence[Any]) -> dict[str, str]:
    fields = dict(zip(keys, values, strict=True))
    if None in values:
        fields = {"full_name": "", **{k: v for k, v in fields.items() if v is not None}}
    return fields
