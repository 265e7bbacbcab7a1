"""Message brokers of a test's own: started from nothing, gone when the block ends."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.installation import HOST, TIED, free_port, stop, wait_until

# The wrapper on the path wants to become another user; this is what it runs.
RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


@contextmanager
def started(
    command: list[str], *, log: Path, more: Mapping[str, str] | None = None
) -> Iterator[None]:
    with log.open("ab") as file:
        process = subprocess.Popen(
            [*TIED, str(os.getpid()), *command],
            env=os.environ | dict(more or {}),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    try:
        yield
    finally:
        stop(process)


def ask(port: int, question: bytes, size: int = 65536) -> bytes:
    """Return the first of what is said to the question, b"" if nobody is there."""
    try:
        with socket.create_connection((HOST, port), 5) as peer:
            peer.sendall(question)
            return peer.recv(size)
    except OSError:
        return b""


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """Give the URL of a Redis."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server here (apt-get install redis-server)")
    port = free_port()
    options = ["--port", str(port), "--bind", HOST, "--save", "", "--dir", str(folder)]
    with started([program, *options], log=folder / "redis.log"):
        wait_until(
            lambda: ask(port, b"PING\r\n").startswith(b"+PONG"),
            seconds=60,
            what="Redis answers",
        )
        yield f"redis://{HOST}:{port}/0"


@contextmanager
def running_rabbit(folder: Path) -> Iterator[str]:
    """Give the URL of a RabbitMQ; its port mapper is ours too, and ends with us."""
    mapper = shutil.which("epmd")
    if not RABBIT.exists() or mapper is None:
        pytest.skip("no rabbitmq-server here (apt-get install rabbitmq-server)")
    port, mapper_port, peers_port = free_port(), free_port(), free_port()
    plugins = folder / "plugins"
    plugins.write_text("[].")
    more = {
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(mapper_port),
        "ERL_EPMD_ADDRESS": HOST,
        "RABBITMQ_NODENAME": f"drill{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(peers_port),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        # Nothing of the system's own configuration.
        "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
    }
    log = folder / "rabbit.log"
    with (
        started([mapper, "-port", str(mapper_port), "-address", HOST], log=log),
        started([str(RABBIT)], log=log, more=more),
    ):
        wait_until(
            lambda: ask(port, b"AMQP\0\0\x09\x01").startswith(b"\x01\0\0"),
            seconds=180,
            what="RabbitMQ answers",
        )
        yield f"amqp://guest:guest@{HOST}:{port}//"
