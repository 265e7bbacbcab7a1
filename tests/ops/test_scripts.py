"""The programs of ``scripts/``, as far as they need no network."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run_script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / name, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_taken_port_is_said_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = run_script("run.py", "--port", str(port))

    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
    assert "getting ready" not in done.stdout


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1", "８０００"])
def test_a_port_that_is_none_is_refused(port):
    done = run_script("run.py", f"--port={port}")

    assert done.returncode == 1
    assert "is no port" in done.stderr


def test_the_lock_becomes_requirements_with_hashes():
    done = run_script("locked.py", "main")

    lines = done.stdout.splitlines()
    assert any(line.startswith("django==5.2") for line in lines)
    assert all("--hash=sha256:" in line for line in lines)
    assert not any(line.startswith("pytest==") for line in lines)


def test_make_alone_prints_every_target():
    environment = {name: os.environ[name] for name in ("PATH",)}
    done = subprocess.run(
        ["make"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    targets = re.findall(
        r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )[0].split()
    assert [line.split()[1] for line in done.stdout.splitlines()] == targets
