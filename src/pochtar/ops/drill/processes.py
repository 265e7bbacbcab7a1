"""Processes that are started to be killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pochtar.ops.supervisor import TIED

PROC = Path("/proc")
LAST_WORDS = 2000


def start_tied(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    talks: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a program that ends with us, leader of a group; its output goes to the log.

    With ``talks`` its standard output is a pipe that is read without waiting.
    """
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(TIED), str(os.getpid()), *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if talks else file,
            stderr=file,
            process_group=0,
        )
    if talks:
        assert process.stdout
        os.set_blocking(process.stdout.fileno(), False)
    return process


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL the process and everything that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def stop_group(process: subprocess.Popen[bytes], *, seconds: float = 15) -> None:
    """Ask for an orderly end, and make one where there is none."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    kill_group(process)


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def children_of(parent: int) -> list[int]:
    """Return the pids of a process's children (they may have groups of their own)."""
    found = []
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(folder.name))
    return found


def read_log(path: Path) -> str:
    """Return the end of a log."""
    if not path.exists():
        return ""
    return path.read_bytes()[-LAST_WORDS:].decode(errors="replace")
