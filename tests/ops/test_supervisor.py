"""The supervisor, driving small programs of the tests' own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pochtar.ops import supervisor
from pochtar.ops.supervisor import Patience, Program, Report, Supervisor

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(60)"
)
POLITE = "import time; print('up', flush=True); time.sleep(60)"
WITH_CHILD = (
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print('child', child.pid, flush=True); time.sleep(60)"
)
QUICK = Patience(first_wave=1.0, last_wave=0.5, quick=5.0, pauses=(0.05, 0.05))


class Notes:
    """What was reported, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.restarts: list[str] = []
        self.gave_up: list[tuple[str, int]] = []
        self.report = Report(
            line=lambda name, text: self.lines.append((name, text)),
            restarts=lambda name, status, pause: self.restarts.append(name),
            gave_up=lambda name, status: self.gave_up.append((name, status)),
        )

    async def line_of(self, *names: str) -> None:
        async with asyncio.timeout(20):
            while not set(names) <= {name for name, _ in self.lines}:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


def python(name: str, code: str, *, last: bool = False) -> Program:
    return Program(name=name, command=(sys.executable, "-c", code), last=last)


def supervised(notes: Notes, *programs: Program) -> Supervisor:
    return Supervisor(programs=programs, report=notes.report, patience=QUICK)


async def nothing() -> None:
    return None


def is_alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat")
        return not status.exists() or status.read_text().split()[2] != "Z"
    return False


def wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


async def test_a_request_to_stop_ends_every_program_and_returns_zero():
    notes = Notes()
    under_test = supervised(notes, python("web", POLITE), python("worker", POLITE))
    running = asyncio.create_task(under_test.run(nothing))
    await notes.line_of("web", "worker")

    under_test.stop()

    assert await asyncio.wait_for(running, 5) == 0
    assert notes.restarts == []


async def test_a_program_that_ignores_the_request_is_killed_in_time():
    notes = Notes()
    under_test = supervised(notes, python("web", STUBBORN))
    running = asyncio.create_task(under_test.run(nothing))
    await notes.line_of("web")
    started = time.monotonic()

    under_test.stop()

    assert await asyncio.wait_for(running, 5) == 0
    assert time.monotonic() - started < 3


async def test_what_a_program_leaves_behind_is_ended_with_it():
    notes = Notes()
    under_test = supervised(notes, python("worker", WITH_CHILD))
    running = asyncio.create_task(under_test.run(nothing))
    await notes.line_of("worker")
    child = int(notes.lines[0][1].split()[1])

    under_test.stop()
    await running

    assert wait_until_gone(child)


async def test_a_program_that_falls_is_started_again():
    notes = Notes()
    under_test = supervised(notes, python("web", "print('up')"))

    status = await asyncio.wait_for(under_test.run(nothing), 20)

    assert notes.restarts == ["web", "web"]
    assert notes.gave_up == [("web", 0)]
    assert status == 1


async def test_the_last_wave_is_stopped_after_the_first_has_ended():
    slow_end = (
        "import signal, sys, time;"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.4), sys.exit()));"
        "print('up', flush=True); time.sleep(60); "
    )
    says_goodbye = (
        "import signal, sys, time;"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('end')));"
        "print('up', flush=True); time.sleep(60)"
    )
    notes = Notes()
    under_test = supervised(
        notes, python("worker", slow_end), python("sandbox", says_goodbye, last=True)
    )
    running = asyncio.create_task(under_test.run(nothing))
    await notes.line_of("worker", "sandbox")
    started = time.monotonic()

    under_test.stop()
    await running

    assert ("sandbox", "end") in notes.lines
    assert time.monotonic() - started >= 0.4


async def test_output_is_passed_on_line_by_line():
    notes = Notes()
    talk = "print('one'); print('два'); print('x' * 200_000, end='')"
    under_test = supervised(notes, python("web", talk + "; import time; time.sleep(9)"))
    running = asyncio.create_task(under_test.run(nothing))
    await asyncio.sleep(0.5)

    under_test.stop()
    await running

    texts = [text for _, text in notes.lines]
    assert texts[:2] == ["one", "два"]
    assert sum(map(len, texts[2:])) in {0, 200_000}


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_a_killed_supervisor_leaves_no_program_behind():
    code = (
        "import os, subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, sys.argv[1], str(os.getpid()),"
        " sys.executable, '-c', 'import time; time.sleep(60)']);"
        "time.sleep(0.3); print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(supervisor.TIED)], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)

        parent.send_signal(signal.SIGKILL)

    assert wait_until_gone(child)
