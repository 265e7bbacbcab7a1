"""Keep a few programs running together; stop all of them, always, within ten seconds.

Each program leads a process group of its own, so that a terminal's Ctrl-C reaches only
the supervisor, and so that what a program leaves behind can be ended with it.  What
falls is started again after a growing pause; what falls again and again ends them all.
Programs marked ``last`` are stopped after the others (the worker must be able to end
its conversation with the sandbox).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TIED = Path(__file__).with_name("tied.py")
READ_BYTES = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    name: str
    command: tuple[str, ...]
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """All in seconds.  ``first_wave`` and ``last_wave`` together stay below ten."""

    first_wave: float = 6.5
    last_wave: float = 2.0
    quick: float = 10.0  # a program that lived shorter did not really start
    pauses: tuple[float, ...] = (1.0, 2.0, 4.0)  # one more quick end: give up


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Where the supervisor's news goes; the caller words it."""

    line: Callable[[str, str], None]
    restarts: Callable[[str, int, float], None]
    gave_up: Callable[[str, int], None]


@dataclass(slots=True, kw_only=True)
class Supervisor:
    programs: Sequence[Program]
    report: Report
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    patience: Patience = field(default_factory=Patience)
    _running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _status: int = 0

    async def run(self, when_started: Callable[[], Coroutine[Any, Any, None]]) -> int:
        """Return 0 after a request to stop, 1 when a program would not stay up."""
        self._listen_to_signals()
        keepers = [asyncio.create_task(self._keep(each)) for each in self.programs]
        news = asyncio.create_task(when_started())
        await self._stopping.wait()
        news.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await news
        await self._stop_wave(last=False, seconds=self.patience.first_wave)
        await self._stop_wave(last=True, seconds=self.patience.last_wave)
        await asyncio.gather(*keepers)
        return self._status

    def stop(self, status: int = 0) -> None:
        self._status = max(self._status, status)
        self._stopping.set()

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop)

    def _asked_to_stop(self) -> None:
        if self._stopping.is_set():  # asked twice: no more patience
            for process in self._running.values():
                _signal_group(process, signal.SIGKILL)
        self.stop()

    async def _keep(self, program: Program) -> None:
        quick_ends = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            status = await self._live(program)
            if self._stopping.is_set():
                return
            quick = time.monotonic() - started < self.patience.quick
            quick_ends = quick_ends + 1 if quick else 0
            if quick_ends > len(self.patience.pauses):
                self.report.gave_up(program.name, status)
                self.stop(status=1)
                return
            pause = self.patience.pauses[max(quick_ends - 1, 0)]
            self.report.restarts(program.name, status, pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _live(self, program: Program) -> int:
        """Run the program once, from start to end, and return its status."""
        # A pipe of our own: asyncio's wait() on one of its pipes would also wait for
        # every grandchild that holds the other end.
        read_end, write_end = os.pipe()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(TIED), str(os.getpid())),
            *program.command,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=write_end,
            stderr=asyncio.subprocess.STDOUT,
            process_group=0,
        )
        os.close(write_end)
        self._running[program.name] = process
        if self._stopping.is_set():  # the request came while it was being started
            _signal(process, signal.SIGTERM)
        reader = asyncio.create_task(self._pass_on(program.name, read_end))
        status = await process.wait()
        _signal_group(process, signal.SIGKILL)  # what it left behind goes with it
        await reader
        del self._running[program.name]
        return status

    async def _pass_on(self, name: str, read_end: int) -> None:
        stream = asyncio.StreamReader()
        transport, _protocol = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read_end, "rb")
        )
        rest = b""
        while block := await stream.read(READ_BYTES):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                self.report.line(name, line.decode(errors="replace"))
        if rest:
            self.report.line(name, rest.decode(errors="replace"))
        transport.close()

    async def _stop_wave(self, *, last: bool, seconds: float) -> None:
        names = {program.name for program in self.programs if program.last == last}
        wave = [self._running[name] for name in names & self._running.keys()]
        for process in wave:
            # Only the leader: it ends its own children in the order it needs.
            _signal(process, signal.SIGTERM)
        waits = [asyncio.create_task(process.wait()) for process in wave]
        if not waits:
            return
        await asyncio.wait(waits, timeout=seconds)
        for process in wave:
            if process.returncode is None:
                _signal_group(process, signal.SIGKILL)
        await asyncio.gather(*waits)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
