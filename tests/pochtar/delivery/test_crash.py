"""The crash drill in small (SMTP-25): a driver is killed half-way, and again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mailcore.smtp.sink import Script, Sink, Step, sink_in_thread

ROOT = Path(__file__).resolve().parents[3]
COUNT = 300
PROGRAM = (
    "import django; django.setup(); "
    "from tests.pochtar.delivery.crash_child import main; main()"
)
AT_MOST_IN_DOUBT = 50  # 5 connections, 10 letters each


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A database file of its own: the child is another process."""
    return {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        "POCHTAR_VAR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "pochtar.conf.settings",
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
    }


def child(environment: dict[str, str], *words: object) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-c", PROGRAM]
    return subprocess.Popen(
        [*program, *map(str, words)],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes]) -> bytes:
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output


def wait_for(sink: Sink, letters: int) -> None:
    deadline = time.monotonic() + 30
    while sink.taken < letters:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def report(environment: dict[str, str]) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(finish(child(environment, "report")))
    return figures


def test_a_killed_driver_loses_nobody_and_writes_to_nobody_twice(
    environment: dict[str, str], tmp_path: Path
) -> None:
    record = tmp_path / "record"
    script = Script(steps={"dot": Step(delay=0.004)}, record=record)
    with sink_in_thread(script) as sink:
        finish(child(environment, "seed", sink.port, COUNT))
        for letters in (60, 160):
            process = child(environment, "drive")
            wait_for(sink, letters)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        killed = report(environment)
        finish(child(environment, "drive"))
    end = report(environment)

    got = [line.split()[1] for line in record.read_text().splitlines()]
    assert len(got) == len(set(got)), "somebody got it twice"
    assert sum(killed["counts"].values()) - killed["counts"]["selected"] == COUNT
    assert (end["status"], end["audit"]) == ("completed", [])
    counts = end["counts"]
    assert counts["accepted"] + counts["unknown"] == counts["selected"] == COUNT
    assert counts["unknown"] <= 2 * AT_MOST_IN_DOUBT
    assert set(end["accepted"]) <= set(got)
    assert len(set(got) - set(end["accepted"])) <= counts["unknown"]
