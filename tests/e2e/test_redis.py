"""The worker with a real Redis between it and the page."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.installation import HOST, Installation, free_port, stop, wait_until
from tests.e2e.made import make_mailing

PEOPLE = 200


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """Give the URL of a Redis of the test's own."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server here")
    port = free_port()
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", HOST, "--save", "", "--dir", folder],
        stdout=subprocess.DEVNULL,
    )

    def answers() -> bool:
        try:
            with socket.create_connection((HOST, port), 1) as peer:
                peer.sendall(b"PING\r\n")
                return peer.recv(5) == b"+PONG"
        except OSError:
            return False

    try:
        wait_until(answers, seconds=30, what="Redis answers")
        yield f"redis://{HOST}:{port}/0"
    finally:
        stop(process)


def test_a_mailing_completes_through_redis(installation: Installation, tmp_path: Path):
    ready = make_mailing(installation, recipients=PEOPLE)
    with running_redis(tmp_path) as url:
        installation.more["CELERY_BROKER_URL"] = url
        with installation.running():
            installation.manage("sendmail", ready.mailing, "--detach")
            wait_until(
                lambda: (
                    installation.one("SELECT status FROM delivery_run") == "completed"
                ),
                seconds=90,
                what="the run is completed",
            )

    accepted = "SELECT count(*) FROM delivery_attempt WHERE outcome = 'accepted'"
    assert installation.one(accepted) == PEOPLE
    assert installation.one("SELECT count(*) FROM sandbox_capturedmessage") == PEOPLE
    assert not any((installation.var / "broker" / "messages").glob("*"))
