"""A sandbox on a free port, in a thread with a loop of its own; and its clients."""

from __future__ import annotations

import asyncio
import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pochtar.sandbox.credentials import sandbox_password
from pochtar.sandbox.server import Address, SandboxServer


@contextmanager
def running_sandbox(**options: Any) -> Iterator[Address]:
    """Give the address of a server that runs until the block ends."""
    started: list[Address] = []
    ready = threading.Event()
    stopping = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        server = SandboxServer(**options)
        started.append(await server.start("127.0.0.1", 0))
        ready.set()
        await stopping.wait()
        await server.stop()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield started[0]
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)
        loop.close()
    assert not thread.is_alive()


@contextmanager
def client_of(
    address: Address, username: str = "system", password: str | None = None
) -> Iterator[smtplib.SMTP]:
    """Give a connection that has logged in."""
    with smtplib.SMTP(address.host, address.port, timeout=10) as client:
        client.ehlo("test")
        client.login(
            username, sandbox_password(username) if password is None else password
        )
        yield client
