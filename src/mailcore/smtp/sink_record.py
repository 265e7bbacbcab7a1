"""What a sink has accepted, line by line: on the disk before the 250 is said.

A letter that is not in the record got no 250.  So a last line without its end (the
machine died while it was written) is no letter: readers skip it, the next sink that
opens the file cuts it off.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import NamedTuple

__all__ = ["Entry", "Record", "read_record"]


class Entry(NamedTuple):
    """One accepted letter."""

    message_id: str
    address: str


class Record:
    """An open record. Letters that arrive together share one fsync."""

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        self._file = os.open(path, flags, 0o644)
        self._cut_torn_line(path)
        self._written = self._durable = 0
        self._turn = asyncio.Lock()

    def _cut_torn_line(self, path: Path) -> None:
        whole = path.read_bytes().rfind(b"\n") + 1
        os.ftruncate(self._file, whole)

    async def add(self, entry: Entry) -> None:
        """Return when the entry would survive a power cut."""
        os.write(self._file, f"{entry.message_id} {entry.address}\n".encode())
        self._written += 1
        mine = self._written
        async with self._turn:
            if self._durable < mine:
                reached = self._written
                await asyncio.to_thread(os.fsync, self._file)
                self._durable = reached

    def close(self) -> None:
        os.close(self._file)


def read_record(path: Path) -> list[Entry]:
    """Return what was accepted, in order; a torn last line is not."""
    if not path.exists():
        return []
    whole, _, _torn = path.read_text(errors="replace").rpartition("\n")
    lines = (line.partition(" ") for line in whole.split("\n") if line)
    return [Entry(message_id, address) for message_id, _, address in lines]
