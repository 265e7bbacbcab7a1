"""Processor time, of this thread and process and of PostgreSQL's back ends."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from pathlib import Path


def process_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def seconds_of(processes: Iterable[int]) -> float:
    """Return what processes of this machine have used; nanoseconds are counted there."""
    return sum(_seconds(process) for process in processes)


def _seconds(process: int) -> float:
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    except OSError:  # on another machine, or gone
        return 0
