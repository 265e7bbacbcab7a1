"""The engine's Outbox on the ORM.

Each write is one short transaction that starts by taking the slice's row with its
lease token: whoever has lost the lease changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from mailcore.engine.types import Item, Lease, LeaseLost, Result
from pochtar.delivery.bridge import Bridge
from pochtar.delivery.models import Delivery, Run, RunStatus, Slice, SliceStatus
from pochtar.delivery.recording import attempt_of, record_attempts

COLUMNS = ("email", "full_name")  # merge fields that are not attributes


class OrmOutbox:
    """One leased slice of one run."""

    def __init__(self, bridge: Bridge[Any], store: SliceStore) -> None:
        self._bridge = bridge
        self._store = store

    async def read(self, lease: Lease, *, after: int, limit: int) -> Sequence[Item]:
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

    def lease(self) -> Lease:
        return Lease(
            slice_id=self._slice.pk,
            token=str(self._slice.lease_token),
            first_position=self._slice.first_position,
            last_position=self._slice.last_position,
            cursor=self._slice.cursor,
        )

    def read(self, lease: Lease, after: int, limit: int) -> list[Item]:
        rows = (
            Delivery.objects.filter(
                run=self._run, position__gt=after, position__lte=lease.last_position
            )
            .order_by("position")
            .values_list(
                "pk",
                "position",
                "email",
                "recipient_id",
                "recipient__full_name",
                *(
                    KeyTextTransform(key, "recipient__attributes")
                    for key in self._attributes
                ),
            )
        )
        return [self._item(*row) for row in rows[:limit]]

    def _item(
        self,
        pk: int,
        position: int,
        email: str,
        recipient_id: object,
        full_name: str | None,
        *attributes: object,
    ) -> Item:
        values = {"email": email, "full_name": full_name or ""}
        for key, value in zip(self._attributes, attributes, strict=True):
            if value is not None:
                values[key] = str(value)
        return Item(
            delivery_id=pk,
            position=position,
            email=email,
            name=full_name or "",
            values=values,
            # Who was deleted meanwhile does not want a letter (MSG-25).
            skip="" if recipient_id else "recipient_deleted",
        )

    def advance(self, lease: Lease, results: Sequence[Result], cursor: int) -> bool:
        """Record and move on; return whether the run is to go on."""
        now = timezone.now()
        expires_at = now + settings.DELIVERY_LEASE
        with transaction.atomic():
            self._update(lease, cursor=cursor, lease_expires_at=expires_at)
            self._record(results)
            goes_on = self._goes_on(now)
        self._tell(results)
        return goes_on

    def release(
        self, lease: Lease, results: Sequence[Result], cursor: int, done: bool
    ) -> None:
        with transaction.atomic():
            self._update(
                lease,
                cursor=cursor,
                status=SliceStatus.DONE if done else SliceStatus.READY,
                lease_token=None,
                lease_expires_at=None,
                leased_by="",
            )
            self._record(results)
        self._tell(results)

    def _update(self, lease: Lease, **values: object) -> None:
        mine = Slice.objects.filter(
            pk=lease.slice_id, status=SliceStatus.LEASED, lease_token=lease.token
        )
        if not mine.update(**values):
            raise LeaseLost(lease.slice_id)

    def _record(self, results: Sequence[Result]) -> None:
        number = self._slice.attempt_number
        record_attempts(
            self._run,
            [attempt_of(self._run, one, number=number) for one in results],
            source=self._slice.source,
        )

    def _tell(self, results: Sequence[Result]) -> None:
        if results and self._on_recorded:
            self._on_recorded(results)

    def _goes_on(self, now: dt.datetime) -> bool:
        if self._run.stop_at and self._run.stop_at <= now:
            return False
        return Run.objects.filter(pk=self._run.pk, status=RunStatus.RUNNING).exists()
