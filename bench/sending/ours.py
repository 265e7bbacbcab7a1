"""Runs of ours: launched, driven by all workers at once, and what they cost."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sending.sinks import Place
from sending.workers import Worker

PARTS = ("read", "compose", "send", "record", "drive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One run to its end; costs in µs of processor time a letter."""

    letters: int
    seconds: float
    python_us: float
    postgres_us: float
    parts_us: dict[str, float]
    peak_mb: float

    @property
    def rate(self) -> float:
        return self.letters / self.seconds

    @property
    def cpu_us(self) -> float:
        return self.python_us + self.postgres_us


class Ours:
    """A database with its recipients, and the processes that send to them."""

    def __init__(self, workers: list[Worker], recipients: int) -> None:
        self.workers = workers
        self.recipients = recipients
        self.workspace: str = workers[0].call("prepare", recipients=recipients)[
            "workspace"
        ]
        self.size = 0

    def send(self, place: Place, letters: int, *, dkim: bool = False) -> Sent:
        run: str = self.workers[0].call(
            "launch",
            workspace=self.workspace,
            host=place.host,
            port=place.port,
            recipients=letters,
            dkim=dkim,
        )["run"]
        letter = self.workers[0].call("compose", run=run)
        self.size = letter["bytes"]
        started = time.perf_counter()
        for worker in self.workers:
            worker.ask("drive", run=run)
        answers = [worker.answer() for worker in self.workers]
        seconds = time.perf_counter() - started
        _check(answers, letters)
        return _sent(answers, letters, seconds, compose=letter["seconds"] * letters)

    def warm(self, place: Place) -> None:
        """Let imports, caches and connections be there before anything is measured."""
        self.send(place, min(self.recipients, 500 * len(self.workers)))


def _check(answers: list[dict[str, Any]], letters: int) -> None:
    accepted = max(answer["accepted"] for answer in answers)
    if accepted != letters:
        states = {answer["status"] for answer in answers}
        raise RuntimeError(
            f"{accepted} of {letters} were accepted, the run is {states}"
        )


def _sent(
    answers: list[dict[str, Any]], letters: int, seconds: float, *, compose: float
) -> Sent:
    def total(name: str) -> float:
        return sum(float(answer[name]) for answer in answers)

    server_read = total("read") + total("record") - total("postgres")
    own = total("python")
    costs = {name: total(name) for name in ("read", "record", "drive")}
    # What is left of our processes is the loop: the engine and the SMTP sessions.
    send = own - server_read - costs["drive"] - compose
    costs |= {"compose": compose, "send": send}
    return Sent(
        letters=letters,
        seconds=seconds,
        python_us=own / letters * 1e6,
        postgres_us=total("postgres") / letters * 1e6,
        parts_us={name: costs[name] / letters * 1e6 for name in PARTS},
        peak_mb=max(answer["peak_mb"] for answer in answers),
    )
