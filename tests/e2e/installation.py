"""The real programs in a folder of their own: started, asked, stopped, killed."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MANAGE = (sys.executable, str(ROOT / "manage.py"))
# What we start ends with us, even when we are killed.
TIED = (sys.executable, "-I", "-S", str(ROOT / "src/pochtar/ops/tied.py"))
HOST = "127.0.0.1"
# What the surrounding test run set up for itself must not reach the programs.
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_until(
    question: Callable[[], Any], *, seconds: float, what: str, every: float = 0.1
) -> Any:
    """Return the first true answer; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(every)
    raise AssertionError(f"{what}: not within {seconds} s")


@dataclass(kw_only=True)
class Installation:
    """One folder with a database, a broker and two ports."""

    var: Path
    port: int = field(default_factory=free_port)
    sandbox_port: int = field(default_factory=free_port)
    more: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return {
            **kept,
            "POCHTAR_VAR": str(self.var),
            "PUBLIC_URL": self.url,
            "SANDBOX_PORT": str(self.sandbox_port),
            "DEBUG": "on",
            "RATE_LIMITS": "off",
            "LAUNCH_UNDO_SECONDS": "0",  # nobody waits for second thoughts
            "PYTHONUNBUFFERED": "1",
            **self.more,
        }

    def manage(
        self, *arguments: str, check: bool = True, seconds: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end."""
        done = subprocess.run(
            [*MANAGE, *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{arguments} -> {done.returncode}\n{done.stderr}")
        return done

    def python(self, code: str) -> Any:
        """Run Python inside the product; return what it prints, read as JSON."""
        out = self.manage("shell", "--no-imports", "-c", code).stdout
        return json.loads(out.strip().splitlines()[-1]) if out.strip() else None

    def start(self, *arguments: str, name: str = "") -> subprocess.Popen[bytes]:
        """Start a management command in a process group of its own."""
        log = self.log(name or arguments[0])
        with log.open("ab") as file:
            return subprocess.Popen(
                [*TIED, str(os.getpid()), *MANAGE, *arguments],
                env=self.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def log(self, name: str) -> Path:
        return self.var / f"{name}.log"

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database directly, as nobody of the product."""
        path = self.var / "pochtar.sqlite3"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return database.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Any:
        rows = self.rows(sql, *values)
        return rows[0][0] if rows else None

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Web, worker and sandbox under the supervisor, until the block ends."""
        supervisor = self.start(
            "up", "--host", HOST, "--port", str(self.port), name="up"
        )
        try:
            self.wait_for_page(supervisor)
            self.wait_for_sandbox()
            yield supervisor
        finally:
            stop(supervisor)

    @contextmanager
    def running_sandbox(self) -> Iterator[subprocess.Popen[bytes]]:
        process = self.start("sandbox")
        try:
            self.wait_for_sandbox()
            yield process
        finally:
            stop(process)

    def wait_for_page(self, process: subprocess.Popen[bytes]) -> None:
        def answers() -> bool:
            assert process.poll() is None, self.log("up").read_text()[-3000:]
            return self.status_of("/healthz") == http.client.OK

        wait_until(answers, seconds=120, what="the page answers")

    def wait_for_sandbox(self) -> None:
        def greets() -> bool:
            try:
                with socket.create_connection((HOST, self.sandbox_port), 1) as peer:
                    return peer.recv(3) == b"220"
            except OSError:
                return False

        wait_until(greets, seconds=60, what="the sandbox greets")

    def status_of(self, path: str) -> int:
        try:
            connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
            with closing(connection):
                connection.request("GET", path)
                return connection.getresponse().status
        except OSError:
            return 0


def stop(process: subprocess.Popen[bytes], *, seconds: float = 12) -> int:
    """Ask the program to stop; make it, when it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return int(process.returncode)
