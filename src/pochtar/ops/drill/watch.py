"""How long it takes to get going again after each kill."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Wait:
    since: float
    seen: int  # the figure that must grow
    holder: int = 0  # or the process whose leases must be gone


@dataclass(slots=True)
class Recovery:
    """Waits for a sign of life after each kill, and keeps the longest wait.

    After a worker's death: its leases are taken over.  After the sink's or the
    database's: the next attempt is recorded.
    """

    longest: float = 0
    _waits: list[_Wait] = field(default_factory=list)
    _attempts: int = 0
    _moved_at: float = field(default_factory=time.monotonic)

    def worker_died(self, pid: int) -> None:
        self._waits.append(_Wait(time.monotonic(), 0, holder=pid))

    def part_died(self) -> None:
        self._waits.append(_Wait(time.monotonic(), self._attempts))

    def look(self, *, attempts: int, holders: set[int]) -> None:
        """Take in how far the ledger is, and who holds leases."""
        now = time.monotonic()
        if attempts != self._attempts:
            self._attempts, self._moved_at = attempts, now
        still = []
        for wait in self._waits:
            over = wait.holder not in holders if wait.holder else attempts > wait.seen
            if over:
                self.longest = max(self.longest, now - wait.since)
            else:
                still.append(wait)
        self._waits = still

    def nothing_left(self) -> None:
        """All is sent: nobody waits for more."""
        self._waits = [wait for wait in self._waits if wait.holder]

    @property
    def standstill(self) -> float:
        """Seconds since the ledger last grew."""
        return time.monotonic() - self._moved_at
