"""The SMTP sessions of this process, kept open between slices.

Everything here runs in the process's event loop (bridge.py), so there are no locks.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import os
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

from mailcore.smtp.pool import Manners, Reuse, SmtpTransport
from mailcore.smtp.session import Route
from pochtar.delivery.bridge import run_in_loop

REUSE = Reuse()
MANNERS = Manners()
GOODBYE_SECONDS = 3


class Pools:
    """Idle sessions by route and by how long they may serve.

    A route that changed (a new password) is another one.
    """

    def __init__(self) -> None:
        self._idle: dict[tuple[Route, Reuse], list[SmtpTransport]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def borrow(
        self, route: Route, count: int, *, reuse: Reuse | None = None
    ) -> list[SmtpTransport]:
        reuse = reuse or REUSE
        idle = self._idle.get((route, reuse), [])
        found = [idle.pop() for _ in range(min(count, len(idle)))]
        for transport in found:
            transport.route = route  # an equal one, whose tokens are the borrower's
        return found + [
            SmtpTransport(route, reuse=reuse, manners=MANNERS)
            for _ in range(count - len(found))
        ]

    def give_back(
        self,
        route: Route,
        transports: Sequence[SmtpTransport],
        *,
        reuse: Reuse | None = None,
    ) -> None:
        """Keep them for the next slice; without one they are closed after a while."""
        reuse = reuse or REUSE
        self._idle.setdefault((route, reuse), []).extend(transports)
        loop = asyncio.get_running_loop()
        for transport in transports:
            loop.call_later(reuse.idle, self._retire, (route, reuse), transport)

    def _retire(self, place: tuple[Route, Reuse], transport: SmtpTransport) -> None:
        idle = self._idle.get(place, [])
        if transport not in idle or transport.idle_seconds() < place[1].idle:
            return
        idle.remove(transport)
        if not idle:
            del self._idle[place]
        self._close(transport)

    def _close(self, transport: SmtpTransport) -> None:
        task = asyncio.create_task(transport.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close_all(self) -> None:
        """Say goodbye everywhere (the process ends)."""
        everything = [one for idle in self._idle.values() for one in idle]
        self._idle.clear()
        await asyncio.gather(*(transport.close() for transport in everything))

    @property
    def idle(self) -> int:
        return sum(map(len, self._idle.values()))


pools = Pools()


def signers() -> Executor:
    """Return the threads in which letters are signed, one for each core."""
    return _signers(os.getpid())


@functools.cache
def _signers(_process: int) -> Executor:  # a forked child has none of its parent's
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="sign")


@atexit.register
def say_goodbye() -> None:
    """Send QUIT where sessions are still open: servers count who just vanishes."""
    if pools.idle:
        with contextlib.suppress(TimeoutError):
            run_in_loop(pools.close_all(), timeout=GOODBYE_SECONDS)
