"""Other ways to hand letters over; each prints letters per second.

rivals.py django HOST PORT LETTERS
rivals.py aiosmtplib HOST PORT LETTERS CONNECTIONS
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from sending.sinks import Place

HERE = Path(__file__).resolve().parent


def ask(name: str, place: Place, *, letters: int, connections: int = 1) -> float:
    """Run one of the rivals in a process of its own; return its letters per second."""
    command = [sys.executable, "-m", "sending.rivals", name, place.host]
    done = subprocess.run(
        [*command, str(place.port), str(letters), str(connections)],
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def smtp_source(
    program: str, *, address: str, letters: int, connections: int, size: int
) -> float:
    """Return the letters per second of postfix's load generator."""
    started = time.perf_counter()
    subprocess.run(
        [
            *(program, "-d", "-s", str(connections), "-m", str(letters)),
            *("-l", str(size), "-f", "news@lavka.example", "-t", "r@example.com"),
            address,
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return letters / (time.perf_counter() - started)


def django_rate(host: str, port: int, letters: int) -> float:
    """Django's own way: one connection, every letter filled in and built."""
    import django  # noqa: PLC0415 - each rival needs its own library only
    from django.conf import settings  # noqa: PLC0415
    from django.core.mail import EmailMultiAlternatives, get_connection  # noqa: PLC0415

    from sending.letter import SUBJECT, filled, html, text  # noqa: PLC0415

    settings.configure(EMAIL_HOST=host, EMAIL_PORT=port)
    django.setup()
    page, plain = html(), text()
    backend = get_connection("django.core.mail.backends.smtp.EmailBackend")
    backend.open()
    started = time.perf_counter()
    for number in range(letters):
        message = EmailMultiAlternatives(
            filled(SUBJECT, number),
            filled(plain, number),
            "Лавка <news@lavka.example>",
            [f"reader{number:07d}@example.com"],
            headers={
                "List-Unsubscribe": f"<https://lavka.example/u/{number:060d}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
            connection=backend,
        )
        message.attach_alternative(filled(page, number), "text/html")
        message.send()
    rate = letters / (time.perf_counter() - started)
    backend.close()
    return rate


async def aiosmtplib_rate(
    host: str, port: int, letters: int, connections: int
) -> float:
    """The asyncio library, handed ready bytes: nothing is composed."""
    import aiosmtplib  # noqa: PLC0415

    from sending.letter import filled, html  # noqa: PLC0415

    head = "From: news@lavka.example\r\nSubject: hello\r\n\r\n"
    data = (head + filled(html(), 1).replace("\n", "\r\n")).encode()
    left = iter(range(letters))
    clients = [
        aiosmtplib.SMTP(hostname=host, port=port, use_tls=False, start_tls=False)
        for _ in range(connections)
    ]
    await asyncio.gather(*(client.connect() for client in clients))

    async def send(client: aiosmtplib.SMTP) -> None:
        for number in left:
            reader = f"reader{number:07d}@example.com"
            await client.sendmail("news@lavka.example", [reader], data)

    started = time.perf_counter()
    await asyncio.gather(*(send(client) for client in clients))
    rate = letters / (time.perf_counter() - started)
    await asyncio.gather(*(client.quit() for client in clients))
    return rate


def main() -> None:
    name, host, *numbers = sys.argv[1:]
    port, letters, connections = map(int, numbers)
    if name == "django":
        print(django_rate(host, port, letters))
    else:
        import uvloop  # noqa: PLC0415

        print(uvloop.run(aiosmtplib_rate(host, port, letters, connections)))


if __name__ == "__main__":
    main()
