"""``manage.py sandbox`` as a process: it says where it listens, and stops when asked."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def command(port: int) -> list[str]:
    return [sys.executable, str(MANAGE), "sandbox", "--port", str(port)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_sandbox_says_where_it_listens_and_stops_within_five_seconds(
    number: signal.Signals, tmp_path: Path
):
    environment = {**os.environ, "POCHTAR_VAR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command(0), env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    host, _, port = said.strip().rpartition(" ")[2].rpartition(":")
    client = smtplib.SMTP(host, int(port), timeout=10)
    started = time.monotonic()
    process.send_signal(number)
    status = process.wait(10)
    took = time.monotonic() - started
    process.stdout.close()
    client.close()

    assert status == 0
    assert took < 5


def test_a_taken_port_is_said_and_is_status_two(taken_port: int, tmp_path: Path):
    environment = {**os.environ, "POCHTAR_VAR": str(tmp_path)}
    done = subprocess.run(
        command(taken_port),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert str(taken_port) in done.stderr
    assert "Traceback" not in done.stderr
