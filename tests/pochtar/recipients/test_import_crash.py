"""Kill -9 of an import's worker at random moments in every phase; rows right afterwards.

On SQLite, and on PostgreSQL where TEST_DATABASE_URL is set: the program that is killed
has a database of its own there.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.pochtar.recipients.import_child import KNOWN, ROWS

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = (
    "import django; django.setup(); "
    "from tests.pochtar.recipients.import_child import main; main()"
)
KILLS = 20
PHASES = ("checked", "indexing", "finished", "undone")
SERVER = os.environ.get("TEST_DATABASE_URL", "")


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[dict[str, str]]:
    values = {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        "POCHTAR_VAR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "pochtar.conf.settings",
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
    }
    if request.param == "sqlite":
        yield values
        return
    if not SERVER:
        pytest.skip("needs TEST_DATABASE_URL")
    name = f"crash_{uuid.uuid4().hex}"
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield {**values, "DATABASE_URL": f"{SERVER.rpartition('/')[0]}/{name}"}
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def child(environment: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes]) -> bytes:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return output


def kill_at(environment: dict[str, str], until: str, seconds: float) -> float:
    """Let it work towards the step for so long, then kill it; return how long it had."""
    process = child(environment, "drive", until)
    assert process.stdout
    process.stdout.readline()  # everything is loaded: from now on it works
    started = time.monotonic()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    return time.monotonic() - started


def test_a_killed_worker_leaves_nothing_half_done_and_nothing_twice(
    environment: dict[str, str],
) -> None:
    dice = random.Random(int(os.environ.get("CRASH_SEED", "0")))
    finish(child(environment, "seed"))
    reports: dict[str, Any] = {}
    for phase in PHASES:
        for _kill in range(KILLS // len(PHASES)):
            kill_at(environment, phase, dice.uniform(0.005, 0.25))
        finish(child(environment, "drive", phase))
        reports[phase] = json.loads(finish(child(environment, "report")))

    checked, applied = reports["checked"], reports["finished"]
    assert checked["counts"]["new"] == ROWS - KNOWN
    assert checked["counts"]["updated"] == KNOWN
    assert checked["counts"]["duplicate"] == 1
    assert checked["refusals"] == {"address_syntax": 1}
    assert (checked["people"], checked["former"]) == (KNOWN, KNOWN)
    for name in ("people", "renamed", "confirmed", "listed", "found", "by_name"):
        assert (name, applied[name]) == (name, ROWS)
    assert applied["subjects"] == ROWS
    assert applied["counts"]["new"] == ROWS - KNOWN
    assert applied["counts"]["updated"] == KNOWN
    undone = reports["undone"]
    assert undone["people"] == undone["former"] == undone["found"] == KNOWN
    assert (undone["listed"], undone["counts"]["kept"]) == (0, 0)
    assert not undone["flaws"]
