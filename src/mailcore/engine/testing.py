"""Doubles: an outbox in memory with the same promises as the database's, a clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from mailcore.engine.types import Item, Lease, LeaseLost, OutcomeClass, Result

__all__ = ["Crash", "ManualClock", "MemoryOutbox"]


class Crash(Exception):
    """The process dies here: nothing after it happens."""


class ManualClock:
    """Stands still until told."""

    def __init__(self) -> None:
        self._now = datetime(2026, 9, 1, 12, tzinfo=UTC)
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._elapsed += seconds


@dataclass(slots=True, kw_only=True)
class _Slice:
    lease: Lease
    leased: bool = False
    done: bool = False


class MemoryOutbox:
    """One run of one slice. ``crash_at`` kills the n-th write, before or after it."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = {item.position: item for item in items}
        self.attempts: dict[int, Result] = {}
        self.withdrawn: dict[int, str] = {}
        self.crash_at: int | None = None
        self.crash_after_commit = False
        self.writes = 0
        self._slice = _Slice(
            lease=Lease(
                slice_id=1,
                token=str(0),
                first_position=1,
                last_position=max(self.items, default=1),
                cursor=0,
            )
        )

    @property
    def cursor(self) -> int:
        return self._slice.lease.cursor

    @property
    def done(self) -> bool:
        return self._slice.done

    @property
    def leased(self) -> bool:
        return self._slice.leased

    def lease(self) -> Lease:
        """Take the slice over; what the last holder left in doubt becomes unknown."""
        number = int(self._slice.lease.token) + 1
        self._slice.lease = replace(self._slice.lease, token=str(number))
        self._slice.leased = True
        for position, item in self.items.items():
            if position <= self.cursor and position not in self.attempts:
                self.attempts[position] = Result(
                    delivery_id=item.delivery_id,
                    position=position,
                    outcome=OutcomeClass.UNKNOWN,
                    reason="interrupted",
                    at=datetime(2026, 9, 1, tzinfo=UTC),
                )
        return self._slice.lease

    def states(self) -> dict[str, int]:
        """Count every item once, by the ledger's definition of its state."""
        counts = dict.fromkeys([*OutcomeClass, "pending", "sending"], 0)
        for position in self.items:
            attempt = self.attempts.get(position)
            if attempt:
                counts[attempt.outcome] += 1
            else:
                counts["sending" if position <= self.cursor else "pending"] += 1
        return {str(name): count for name, count in counts.items()}

    async def read(self, lease: Lease, *, after: int, limit: int) -> Sequence[Item]:
        rows = sorted(position for position in self.items if position > after)
        return [self.items[position] for position in rows][:limit]

    async def advance(
        self, lease: Lease, *, results: Sequence[Result], cursor: int
    ) -> Mapping[int, str]:
        self._write(lease, results, max(cursor, self.cursor))
        return self.withdrawn

    async def release(
        self, lease: Lease, *, results: Sequence[Result], cursor: int, done: bool
    ) -> None:
        self._write(lease, results, cursor)
        self._slice.leased = False
        self._slice.done = done

    def _write(self, lease: Lease, results: Sequence[Result], cursor: int) -> None:
        self._check(lease)
        self.writes += 1
        dies = self.writes == self.crash_at
        if dies and not self.crash_after_commit:
            raise Crash
        for result in results:
            if result.position in self.attempts:
                raise AssertionError(f"position {result.position} was recorded twice")
            self.attempts[result.position] = result
        self._slice.lease = replace(self._slice.lease, cursor=cursor)
        if dies:
            raise Crash

    def _check(self, lease: Lease) -> None:
        if not self._slice.leased or lease.token != self._slice.lease.token:
            raise LeaseLost
