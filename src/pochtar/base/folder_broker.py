"""The folder broker, for more than one worker and for workers that are killed.

kombu writes a message into the file that readers are already looking for: one who is
quick, or comes after a writer's death, finds half of it and ends its worker.  Here a
file gets its name when it is whole, and what cannot be read is dropped: a task is only
a nudge, and beat's next tick sends another.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

import structlog
from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.transport.filesystem import exchange_queue_t as Binding

log = structlog.get_logger(__name__)


def write_whole(path: Path, content: str) -> None:
    """Let the file appear under its name with everything in it."""
    part = path.with_name(f"{uuid.uuid4()}.part")
    part.write_text(content)
    part.replace(path)


class Channel(filesystem.Channel):
    """kombu's channel with whole files."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        try:
            write_whole(Path(self.data_folder_out) / name, json.dumps(payload))
        except OSError as error:
            raise ChannelError(f"Cannot add {name} to the folder") from error

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        while True:
            try:
                return super()._get(queue)  # type: ignore[no-untyped-call]
            except ValueError:  # it is out of the folder already
                log.warning("nudge_unreadable", queue=queue)

    def get_table(self, exchange: str) -> list[Any]:
        try:
            table: list[Any] = super().get_table(exchange)  # type: ignore[no-untyped-call]
        except ValueError:
            return []  # whoever needs it writes it anew
        return table

    def _queue_bind(
        self, exchange: str, routing_key: str, pattern: str, queue: str
    ) -> None:
        file: Path = self._exchange_file(exchange)  # type: ignore[no-untyped-call]
        file.parent.mkdir(exist_ok=True)
        binding = Binding(routing_key or "", pattern or "", queue or "")
        lock = os.open(file.parent / "bindings.lock", os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            table = self.get_table(exchange)
            if binding not in table:
                write_whole(file, json.dumps([binding, *table]))
        finally:
            os.close(lock)


class Transport(filesystem.Transport):
    Channel = Channel
