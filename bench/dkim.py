"""What a signature costs: ours around the RSA operation, and both on one and two threads.

Run as ``python bench/dkim.py``; prints ``name: value`` lines.  ``rsa_…`` is the raw
operation of OpenSSL, the most that the machine's cores can do.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from mailcore.compose import LetterSource, Mailbox, compile_letter
from mailcore.dkim import Algorithm, Signer, SigningKey
from mailcore.dkim_keys import generate_key

SECONDS = 1.0
AT = 1_780_000_000
PARAGRAPH = "<p>Our autumn sale begins on Friday, come and <a href='https://x.ru/'>see</a>.</p>\n"


class NoRsa(SigningKey):
    """All of the work but the RSA operation."""

    __slots__ = ()

    def sign(self, octets: bytes) -> bytes:
        return b"\0" * 256


def letter(size: int) -> bytes:
    source = LetterSource(
        subject="Hello, {{ full_name }}",
        preheader="",
        html=PARAGRAPH * (size // len(PARAGRAPH)) + "{{ full_name }}",
        text="Hello, {{ full_name }}",
        sender=Mailbox(name="Shop", address="news@shop.example"),
    )
    return compile_letter(source).compose(
        to=Mailbox(name="Ivan Petrov", address="ivan@example.ru"),
        values={"full_name": "Ivan"},
        message_id="<1@shop.example>",
        date=datetime(2026, 5, 1, tzinfo=UTC),
    )


def microseconds(work: Callable[[], object]) -> float:
    """The best of five runs: the machine's other work only ever adds time."""
    best = float("inf")
    for _ in range(5):
        count, started = 0, perf_counter()
        while perf_counter() - started < SECONDS / 5:
            work()
            count += 1
        best = min(best, (perf_counter() - started) / count)
    return best * 1e6


def rate(work: Callable[[], object], threads: int) -> float:
    """How often a second so many threads together do it."""
    counts = [0] * threads
    until = perf_counter() + SECONDS

    def repeat(index: int) -> None:
        while perf_counter() < until:
            work()
            counts[index] += 1

    workers = [threading.Thread(target=repeat, args=[at]) for at in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / SECONDS


def main() -> None:
    data = letter(10_000)
    fields: Any = {
        "domain": "shop.example",
        "selector": "s1",
        "algorithm": Algorithm.RSA,
    }
    private = generate_key(Algorithm.RSA)
    key = SigningKey(**fields, private_key=private)
    without = Signer([NoRsa(**fields, private_key=private)])
    signer = Signer([key])
    around = microseconds(lambda: without.sign(data, at=AT))
    print(f"dkim_letter_bytes: {len(data)}")
    print(f"dkim_besides_rsa_us: {around:.1f}")
    print(f"rsa_2048_us: {microseconds(lambda: key.sign(data[:1000])):.0f}")
    for threads in (1, 2):
        most = rate(lambda: key.sign(data[:1000]), threads)
        ours = rate(lambda: signer.sign(data, at=AT), threads)
        print(f"rsa_per_second_{threads}: {most:.0f}")
        print(f"dkim_per_second_{threads}: {ours:.0f}")
        print(f"dkim_ratio_to_rsa_{threads}: {ours / most:.2f}")


if __name__ == "__main__":
    main()
