"""Who takes part in a drill: workers, the sink, the database; each can fall and rise."""

from __future__ import annotations

import subprocess
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

from pochtar.ops import programs
from pochtar.ops.drill.cluster import Cluster
from pochtar.ops.drill.plan import (
    DATABASE,
    REPLY_SECONDS,
    SINK,
    SLICES_AT_ONCE,
    WORKER,
)
from pochtar.ops.drill.processes import kill_group, start_tied, stop_group


@dataclass(slots=True, kw_only=True)
class Member(ABC):
    """One process, or one family of them."""

    name: str
    folder: Path
    rises_at: float | None = None  # it is dead until then

    kind = ""

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def kill(self) -> None:
        """SIGKILL, and nothing of it is left when this returns."""

    @abstractmethod
    def stop(self) -> None: ...

    @property
    @abstractmethod
    def is_up(self) -> bool:
        """Whether it does its work (or could)."""

    def fall(self, *, down_for: float) -> None:
        self.kill()
        self.rises_at = time.monotonic() + down_for

    def rise(self) -> None:
        """Start again, when its time has come."""
        if self.rises_at is not None and time.monotonic() >= self.rises_at:
            self.rises_at = None
            self.start()


@dataclass(slots=True, kw_only=True)
class Worker(Member):
    """A Celery worker with beat inside, as ``make run`` starts it."""

    kind = WORKER
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            *programs.worker().command,
            *("--concurrency", str(SLICES_AT_ONCE), "--hostname", f"{self.name}@drill"),
            *("--schedule", str(self.folder / f"beat-{self.name}")),
        ]
        self._process = start_tied(
            command,
            environment=programs.environment(),
            log=self.folder / f"{self.name}.log",
        )

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def is_up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        if self._process:
            kill_group(self._process)
            self._process = None

    def stop(self) -> None:
        if self._process:
            stop_group(self._process)


@dataclass(slots=True, kw_only=True)
class Sink(Member):
    """The fault-injecting mail server; ``held`` counts its stays in the gap."""

    kind = SINK
    port: int
    seed: str
    held: int = 0  # letters taken whose answer was not yet said when we heard of it
    cut: int = 0  # letters whose connection was cut when their dot may have gone out
    _lives: int = 0
    _rest: bytes = b""
    _greeted: bool = False
    _process: subprocess.Popen[bytes] | None = None

    @property
    def record(self) -> Path:
        return self.folder / "accepted"

    def start(self) -> None:
        self._lives += 1
        self._rest, self._greeted = b"", False
        options = {
            "--port": self.port,
            "--record": self.record,
            "--faults": f"{self.seed}-{self._lives}",
            "--delay": REPLY_SECONDS,
        }
        words = [str(word) for option in options.items() for word in option]
        self._process = start_tied(
            [sys.executable, "-m", "mailcore.smtp.sink", *words],
            environment=programs.environment(),
            log=self.folder / "sink.log",
            talks=True,
        )

    @property
    def is_up(self) -> bool:
        return self._greeted and self._process is not None

    def listen(self) -> None:
        """Take in what the sink has said since the last time; never waits."""
        if not self._process:
            return
        assert self._process.stdout
        said = self._process.stdout.read() or b""
        *lines, self._rest = (self._rest + said).split(b"\n")
        for line in lines:
            self._greeted = True  # its first line is its port
            self.held += line.startswith(b"hold ")
            self.cut += line.startswith(b"cut ")

    @property
    def has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self.listen()  # what it said before it died
            kill_group(self._process)
            self._process = None
        self._greeted = False

    def stop(self) -> None:
        self.kill()


@dataclass(slots=True, kw_only=True)
class Database(Member):
    """PostgreSQL; it is up when it takes connections again."""

    kind = DATABASE
    cluster: Cluster
    _ready: bool = field(default=False)

    def start(self) -> None:
        self.cluster.start()

    @property
    def is_up(self) -> bool:
        if self.rises_at is not None:
            return False
        self._ready = self._ready or self.cluster.is_ready()
        return self._ready

    def kill(self) -> None:
        self.cluster.kill()
        self._ready = False

    def stop(self) -> None:
        self.cluster.stop()
