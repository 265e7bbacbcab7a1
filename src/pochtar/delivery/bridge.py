"""The one bridge between the asynchronous engine and the synchronous database.

A process has one event loop, in a thread of its own, with its SMTP sessions.  Whoever
drives a slice (a Celery task, ``sendmail``, a test) hands a coroutine to that loop and
then *serves* it: database calls of the coroutine come back over a queue and run in the
driver's own thread, with the driver's own connection and transaction.  So no database
connection is ever used by a thread that Django does not know, and Ctrl-C arrives in
the thread that can act on it.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

import uvloop

T = TypeVar("T")
POLL_SECONDS = 0.1
# Threads that sign take turns with the loop: Python's usual 5 ms are longer than twenty
# signatures (docs/explanation/performance.md).
SWITCH_SECONDS = 0.0005


class _Loop:
    """The process's event loop; a forked child makes its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def get(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop, self._pid = uvloop.new_event_loop(), os.getpid()
                sys.setswitchinterval(SWITCH_SECONDS)
                threading.Thread(
                    target=self._loop.run_forever, name="smtp", daemon=True
                ).start()
            return self._loop


_process_loop = _Loop()


def run_in_loop(work: Coroutine[Any, Any, T], *, timeout: float | None = None) -> T:
    """Run a coroutine that needs no database, and wait for it."""
    future = asyncio.run_coroutine_threadsafe(work, _process_loop.get())
    return future.result(timeout)


class Interrupted(Exception):
    """A database call was cut short by a signal."""


class Bridge(Generic[T]):
    """Serves one coroutine from the calling thread."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._loop = _process_loop.get()
        self.stop = asyncio.Event()

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run ``function`` in the serving thread; raise what it raises."""
        future: asyncio.Future[Any] = self._loop.create_future()

        def settle(value: Any, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error:
                future.set_exception(error)
            else:
                future.set_result(value)

        def work() -> None:
            try:
                value, error = function(*arguments), None
            except Exception as caught:  # noqa: BLE001 - it is raised on the other side
                value, error = None, caught
            except BaseException:
                # Ctrl-C in the middle of a transaction: it is rolled back, and the
                # engine must not wait for its answer.
                self._loop.call_soon_threadsafe(settle, None, Interrupted())
                raise
            self._loop.call_soon_threadsafe(settle, value, error)

        self._calls.put(work)
        return await future

    def serve(self, work: Coroutine[Any, Any, T], *, stopped: Callable[[], bool]) -> T:
        """Run the coroutine to its end; set ``stop`` when ``stopped`` says so.

        An exception that hits this thread from outside (KeyboardInterrupt) sets
        ``stop`` too, and is raised when the coroutine has come to its end.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        future.add_done_callback(lambda _: self._calls.put(None))
        interrupt: BaseException | None = None
        while True:
            try:
                if stopped():
                    self.ask_to_stop()
                if self._serve_one(future):
                    break
            except (KeyboardInterrupt, SystemExit) as caught:
                interrupt = caught
                self.ask_to_stop()
        if interrupt:
            raise interrupt
        return future.result()

    def ask_to_stop(self) -> None:
        self._loop.call_soon_threadsafe(self.stop.set)

    def _serve_one(self, future: Future[T]) -> bool:
        """Do the next call; True when the coroutine has ended."""
        try:
            call = self._calls.get(timeout=POLL_SECONDS)
        except queue.Empty:
            return future.done()
        if call is None:
            return True
        call()
        return False
