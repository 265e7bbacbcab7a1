"""Start processes of ours with a database of their own, and ask them for things."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


class Worker:
    """One process; a request is answered in turn."""

    def __init__(
        self, environment: dict[str, str], *, program: str = "sending.worker"
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", program],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if "BENCH_LOUD" not in os.environ else None,
            text=True,
        )

    def ask(self, verb: str, **values: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"verb": verb, **values}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a worker died: BENCH_LOUD=1 shows what it said")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def call(self, verb: str, **values: Any) -> dict[str, Any]:
        self.ask(verb, **values)
        return self.answer()

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


@contextlib.contextmanager
def open_workers(
    count: int, *, folder: str, database: str | None, connections: int
) -> Iterator[list[Worker]]:
    environment = environment_of(folder, database, connections)
    workers = [Worker(environment) for _ in range(count)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.close()


def environment_of(
    folder: str, database: str | None, connections: int
) -> dict[str, str]:
    """Return settings by environment; without ``database`` it is SQLite in there."""
    environment = {
        **os.environ,
        "POCHTAR_VAR": folder,
        "DEBUG": "off",
        "SECRET_KEY": "bench-only-" * 6,
        "ENCRYPTION_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "ALLOW_PRIVATE_RELAYS": "on",
        # Nobody answers there: keys are neither confirmed nor doubted.
        "DNS_NAMESERVER": "127.0.0.1",
        "DNS_PORT": "9",
        "DNS_TIMEOUT": "0.5",
        "DELIVERY_CONNECTIONS": str(connections),
        "DJANGO_SETTINGS_MODULE": "pochtar.conf.settings",
        "PYTHONPATH": f"{ROOT / 'src'}:{HERE.parent}",
    }
    environment.pop("DATABASE_URL", None)
    if database:
        environment["DATABASE_URL"] = database
    return environment
