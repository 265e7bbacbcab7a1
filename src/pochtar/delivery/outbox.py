"""The engine's Outbox on the database.

Each write is one short transaction that starts by taking the slice's row with its
lease token: whoever has lost the lease changes nothing.  All letters of a mailing pass
through here, so what is asked for each page or batch is SQL by hand.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from mailcore.engine.retry import settle
from mailcore.engine.types import Item, Lease, LeaseLost, OutcomeClass, Result
from pochtar.accounts.models import Workspace
from pochtar.delivery.bridge import Bridge
from pochtar.delivery.models import Run, RunStatus, Slice, SliceStatus
from pochtar.delivery.reading import Pages
from pochtar.delivery.recording import record_attempts, record_behind
from pochtar.delivery.retries import chain_of, put_off
from pochtar.delivery.tables import Statement, column_of, database_value, table_of
from pochtar.delivery.withdrawals import Withdrawals


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
    ) -> Mapping[int, str]:
        goes_on, withdrawn = await self._bridge.call(
            self._store.advance, lease, results, cursor
        )
        if not goes_on:
            self._bridge.stop.set()
        return dict(withdrawn)

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
        self._pages = Pages(slice_, names)
        self._on_recorded = on_recorded
        self._chain = chain_of(run, slice_)
        self._withdrawals = Withdrawals(run)
        # Whoever had the slice before may have put somebody off.
        self._may_have_put_off = slice_.cursor >= slice_.first_position

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
        if after == lease.cursor:
            # Before the first look at the recipients: what comes later is noticed.
            self._withdrawals.begin(after)
        page = self._pages.read(after=after, up_to=lease.last_position, limit=limit)
        if page:
            self._withdrawals.read_to = page[-1].position
        return page

    # Writing --------------------------------------------------------------------------
    def advance(
        self, lease: Lease, results: Sequence[Result], cursor: int
    ) -> tuple[bool, Mapping[int, str]]:
        """Record and move on; return whether the run is to go on, and without whom."""
        now = timezone.now()
        results = self._settle(results)
        self._notice(results)
        expires_at = now + settings.DELIVERY_LEASE
        status, departures = self._write(
            lease, results, cursor=cursor, lease_expires_at=expires_at
        )
        withdrawn = self._withdrawals.look(departures)
        self._tell(results)
        return status == RunStatus.RUNNING and not self._late(now), withdrawn

    def release(
        self, lease: Lease, results: Sequence[Result], cursor: int, done: bool
    ) -> None:
        results = self._settle(results)
        self._notice(results)
        # The later slice and the end of this one: either both are there or neither is.
        followed = done and self._may_have_put_off
        with transaction.atomic() if followed else nullcontext():
            self._write(
                lease,
                results,
                cursor=cursor,
                status=SliceStatus.DONE if done else SliceStatus.READY,
                lease_token=None,
                lease_expires_at=None,
                leased_by="",
            )
            if followed:
                put_off(self._run, self._slice)
        self._tell(results)

    def _settle(self, results: Sequence[Result]) -> Sequence[Result]:
        if all(result.outcome is OutcomeClass.ACCEPTED for result in results):
            return results
        return [settle(result, self._chain) for result in results]

    def _notice(self, results: Sequence[Result]) -> None:
        if any(result.outcome is OutcomeClass.DEFERRED for result in results):
            self._may_have_put_off = True

    def _write(
        self, lease: Lease, results: Sequence[Result], **values: object
    ) -> tuple[str, int]:
        """Change the slice and record, while the lease is ours.

        Returns how its run stands, and how many have left the workspace.
        """
        number, source = self._slice.attempt_number, self._slice.source
        update = _update_of(lease, self._run, values)
        if connection.vendor == "postgresql":
            found = record_behind(
                update, self._run, results, number=number, source=source
            )
        else:
            with transaction.atomic():
                found = _execute(update)
                if found:
                    record_attempts(self._run, results, number=number, source=source)
        if not found:
            raise LeaseLost(lease.slice_id)
        return str(found[0]), int(found[1])

    def _tell(self, results: Sequence[Result]) -> None:
        if results and self._on_recorded:
            self._on_recorded(results)

    def _late(self, now: dt.datetime) -> bool:
        return bool(self._run.stop_at and self._run.stop_at <= now)


def _update_of(lease: Lease, run: Run, values: dict[str, object]) -> Statement:
    """Return the UPDATE of a slice that is still leased to us.

    Its row is the run's status and the number of those who left the workspace.
    """
    mine = {"id": lease.slice_id, "lease_token": lease.token}
    return Statement(
        _update_sql(*values),
        [
            *(
                database_value(Slice, name, value)
                for name, value in (*values.items(), *mine.items())
            ),
            database_value(Workspace, "id", run.workspace_id),
        ],
    )


@cache
def _update_sql(*names: str) -> str:
    table, run_table = table_of(Slice), table_of(Run)
    sets = ", ".join(f"{column_of(Slice, name)} = %s" for name in names)
    mine = " AND ".join(
        f"{column_of(Slice, name)} = %s" for name in ("id", "lease_token")
    )
    joined = f"{run_table}.{column_of(Run, 'id')} = {table}.{column_of(Slice, 'run')}"
    status = f"(SELECT {column_of(Run, 'status')} FROM {run_table} WHERE {joined})"  # noqa: S608
    departures = (
        f"(SELECT {column_of(Workspace, 'departures')} FROM {table_of(Workspace)} "  # noqa: S608
        f"WHERE {column_of(Workspace, 'id')} = %s)"
    )
    return f"UPDATE {table} SET {sets} WHERE {mine} RETURNING {status}, {departures}"  # noqa: S608


def _execute(statement: Statement) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(*statement)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row
