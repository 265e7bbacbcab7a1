"""Send letters from the engine to a sink in another process; print what they cost.

``engine``: the runner with an outbox in memory.  ``database``: a whole run with
SQLite (or DATABASE_URL), freezing and recording included.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import django
import uvloop

from mailcore.compose import LetterSource, Mailbox, compile_letter
from mailcore.engine.runner import deliver
from mailcore.engine.testing import MemoryOutbox
from mailcore.engine.types import Item, OutcomeClass
from mailcore.smtp.pool import SmtpTransport
from mailcore.smtp.session import Envelope, Route, TlsMode

ROOT = Path(__file__).resolve().parents[1]
PARAGRAPH = "<p>Здравствуйте, {{ full_name }}! В городе {{ city }} открылась лавка.</p>"
BODY = PARAGRAPH + "<p>Новая коллекция уже ждёт вас, приходите в гости. </p>" * 60


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


@contextmanager
def sink(delay: float) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mailcore.smtp.sink", "--delay", str(delay)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def engine(port: int, letters: int, connections: int) -> None:
    letter = compile_letter(
        LetterSource(
            subject="{{ full_name }}, новости",
            preheader="",
            html=BODY,
            text="",
            sender=Mailbox(name="Лавка", address="news@lavka.example"),
        )
    )

    def compose(item: Item, now: datetime) -> Envelope:
        data = letter.compose(
            to=Mailbox(name=item.name, address=item.email),
            values=item.values,
            message_id=f"<{item.delivery_id}@lavka.example>",
            date=now,
        )
        return Envelope(
            mail_from="news@lavka.example", rcpt_to=item.email, data=data, dotless=True
        )

    outbox = MemoryOutbox(
        Item(
            delivery_id=number,
            position=number,
            email=f"r{number}@example.com",
            name="Анна Петрова",
            values={"full_name": "Анна Петрова", "city": "Тверь"},
        )
        for number in range(1, letters + 1)
    )
    route = Route(host="127.0.0.1", port=port, tls=TlsMode.NONE)

    async def run() -> None:
        transports = [SmtpTransport(route) for _ in range(connections)]
        report = await deliver(
            outbox.lease(),
            outbox=outbox,
            transports=transports,
            compose=compose,
            clock=Clock(),
            stop=asyncio.Event(),
        )
        assert report.counts[OutcomeClass.ACCEPTED] == letters

    size = len(compose(outbox.items[1], datetime.now(UTC)).data)
    print(f"engine_letter_bytes: {size}")
    measure("engine", letters, lambda: uvloop.run(run()))


def database(port: int, letters: int) -> None:
    """A run of a database of its own, driven by the code that workers use."""
    with tempfile.TemporaryDirectory() as var:
        os.environ["POCHTAR_VAR"] = var
        os.environ["SECRET_KEY"] = "benchmark"
        os.environ["ENCRYPTION_KEY"] = "A" * 43 + "="
        os.environ["ALLOW_PRIVATE_RELAYS"] = "on"
        sys.path.insert(0, str(ROOT))
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pochtar.conf.settings")
        django.setup()
        program = importlib.import_module("tests.pochtar.delivery.crash_child")
        started = time.perf_counter()
        program.seed(port, letters)
        print(f"database_seed_seconds: {time.perf_counter() - started:.2f}")
        measure("database", letters, program.drive)


def measure(name: str, letters: int, work: Callable[[], object]) -> None:
    wall, processor = time.perf_counter(), processor_seconds()
    work()
    wall, processor = time.perf_counter() - wall, processor_seconds() - processor
    print(f"{name}_letters_per_second: {letters / wall:.0f}")
    print(f"{name}_processor_us_per_letter: {processor / letters * 1e6:.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--delay", type=float, default=0)
    options = parser.parse_args()
    with sink(options.delay) as port:
        engine(port, options.letters, options.connections)
        database(port, options.letters)
