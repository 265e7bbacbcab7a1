"""``make run``'s supervisor: everything starts together and stops together."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.e2e.installation import HOST, Installation, free_port


def processes_of(installation: Installation) -> list[int]:
    """Return the processes that run in the installation's folder."""
    mark = f"POCHTAR_VAR={installation.var}\0".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark in (entry / "environ").read_bytes() + b"\0":
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def test_ctrl_c_stops_web_worker_and_sandbox_within_ten_seconds(
    installation: Installation,
):
    with installation.running() as supervisor:
        # Web, worker with its children, sandbox, and the supervisor itself.
        assert len(processes_of(installation)) >= 4
        started = time.monotonic()
        supervisor.send_signal(signal.SIGINT)
        status = supervisor.wait(10)
        took = time.monotonic() - started

    assert status == 0
    assert took < 10
    assert processes_of(installation) == []
    assert installation.status_of("/healthz") == 0


def test_a_killed_supervisor_leaves_nothing_behind(installation: Installation):
    with installation.running() as supervisor:
        supervisor.kill()
        supervisor.wait()
        deadline = time.monotonic() + 10
        while processes_of(installation) and time.monotonic() < deadline:
            time.sleep(0.1)

    assert processes_of(installation) == []


def test_a_taken_port_is_said_at_once(installation: Installation):
    with installation.running():
        other = Installation(
            var=installation.var.parent / "other",
            port=installation.port,
            sandbox_port=free_port(),
        )
        started = time.monotonic()
        refused = other.manage(
            "up", "--host", HOST, "--port", str(other.port), check=False
        )
        took = time.monotonic() - started

    assert refused.returncode != 0
    assert str(other.port) in refused.stderr
    assert took < 5
