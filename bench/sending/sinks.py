"""The servers that take the letters, each a process of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
START_SECONDS = 10
HOW_TO_GET = "smtp-sink is not on this machine (apt-get install postfix has it)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where letters are taken, and by what."""

    name: str
    host: str
    port: int

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


def find_postfix(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextlib.contextmanager
def open_sink() -> Iterator[Place]:
    """Start smtp-sink, or our own sink where it is not installed."""
    program = find_postfix("smtp-sink")
    if program is None:
        print(f"# {HOW_TO_GET}: our own sink takes its place", file=sys.stderr)
        with open_own_sink() as place:
            yield place
        return
    port = _free_port()
    as_whom = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = [program, *as_whom, f"127.0.0.1:{port}", "1000"]
    with _running(subprocess.Popen(command, stderr=subprocess.DEVNULL)):
        _wait_for(port)
        yield Place(name="smtp-sink", host="127.0.0.1", port=port)


@contextlib.contextmanager
def open_own_sink(delay: float = 0) -> Iterator[Place]:
    process = subprocess.Popen(
        [sys.executable, HERE / "fastsink.py", "--delay", str(delay)],
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    with _running(process):
        port = int(process.stdout.readline())
        yield Place(name="own sink", host="127.0.0.1", port=port)


@contextlib.contextmanager
def _running(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port)),
        ):
            return
        time.sleep(0.05)
    raise RuntimeError("smtp-sink did not start")
