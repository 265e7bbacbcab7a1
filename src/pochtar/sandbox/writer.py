"""Store letters durably, all that wait in one transaction.

A connection waits in ``keep`` until its letter is committed.  While one transaction is
being written the letters of other connections gather for the next: on SQLite, where
each commit is a flush to the disk, that is what makes thousands of letters quick.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.db import (
    DataError,
    Error,
    IntegrityError,
    close_old_connections,
    connection,
    connections,
)

from pochtar.sandbox.services import Arrival

log = structlog.get_logger(__name__)

BATCH = 200
BATCH_BYTES = 32 * 1024 * 1024
IDLE_SECONDS = 5.0

Store = Callable[[Sequence[Arrival]], None]


class LetterRefused(Exception):
    """This letter cannot be stored, now or later."""


class StoreAway(Exception):
    """Nothing can be stored at the moment: the database is locked or gone."""


class Writer:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: asyncio.Queue[tuple[Arrival, asyncio.Future[None]]] = (
            asyncio.Queue()
        )
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._last_batch_at = 0.0

    async def keep(self, arrival: Arrival) -> None:
        """Return when the letter is committed; raise LetterRefused or StoreAway."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((arrival, done))
        await done

    async def run(self) -> None:
        """Write batches until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            batch = await self._next_batch()
            arrivals = [arrival for arrival, _ in batch]
            troubles = await loop.run_in_executor(self._thread, self._write, arrivals)
            for (_, done), trouble in zip(batch, troubles, strict=True):
                _tell(done, trouble)
                self._waiting.task_done()

    async def drain(self, seconds: float) -> None:
        """Wait until nothing waits, at most so long."""
        async with asyncio.timeout(seconds):
            await self._waiting.join()

    def close(self) -> None:
        self._thread.submit(connections.close_all)  # of that thread
        self._thread.shutdown()

    async def _next_batch(self) -> list[tuple[Arrival, asyncio.Future[None]]]:
        batch = [await self._waiting.get()]
        size = len(batch[0][0].raw)
        while len(batch) < BATCH and size < BATCH_BYTES and not self._waiting.empty():
            batch.append(self._waiting.get_nowait())
            size += len(batch[-1][0].raw)
        return batch

    def _write(self, arrivals: Sequence[Arrival]) -> list[Exception | None]:
        """In the thread: return what went wrong for each letter (None: stored)."""
        if time.monotonic() - self._last_batch_at > IDLE_SECONDS:
            close_old_connections()  # a server may have hung up meanwhile
        try:
            return self._write_together(arrivals)
        finally:
            self._last_batch_at = time.monotonic()

    def _write_together(self, arrivals: Sequence[Arrival]) -> list[Exception | None]:
        try:
            self._store(arrivals)
        except (IntegrityError, DataError, ValueError) as error:
            if len(arrivals) == 1:
                log.warning("letter_refused", error=type(error).__name__)
                return [LetterRefused(str(error))]
            # One letter is at fault (its workspace was deleted, say): find it.
            return [self._write_together([arrival])[0] for arrival in arrivals]
        except Error as error:
            log.warning("store_away", error=str(error), letters=len(arrivals))
            connection.close()
            return [StoreAway(str(error))] * len(arrivals)
        return [None] * len(arrivals)


def _tell(done: asyncio.Future[None], trouble: Exception | None) -> None:
    if done.done():  # the program hung up before its answer
        return
    if trouble is None:
        done.set_result(None)
    else:
        done.set_exception(trouble)
