"""A PostgreSQL cluster that can be killed in the middle of its work."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from pochtar.ops.drill.processes import children_of, kill, read_log

PR_SET_PDEATHSIG = 1
INSTALLED = Path("/usr/lib/postgresql")


def find_binaries() -> Path | None:
    """Return the folder of initdb and postgres, the newest version first."""
    installed = sorted(
        INSTALLED.glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True
    )
    on_path = shutil.which("initdb")
    folders = [*installed, *([Path(on_path).resolve().parent] if on_path else [])]
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


class Cluster:
    """One server, durable as it comes: fsync and synchronous_commit stay on."""

    def __init__(self, binaries: Path, home: Path, *, port: int) -> None:
        self._binaries = binaries
        self._data = home / "data"
        self._log = home / "postgres.log"
        self._port = port
        self._identity = _unprivileged(home)
        self._process: subprocess.Popen[bytes] | None = None

    def make_folder(self) -> None:
        """Make an empty cluster. Raises CalledProcessError."""
        subprocess.run(
            [
                *(self._binaries / "initdb", "-D", self._data, "-U", "pochtar"),
                *("--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"),
            ],
            check=True,
            cwd=self._data.parent,
            stdout=subprocess.DEVNULL,
            **self._identity,
        )

    def start(self) -> None:
        settings = [
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self._data}",
            "max_connections=60",
        ]
        options = [part for setting in settings for part in ("-c", setting)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._binaries / "postgres", "-D", self._data),
                    *("-p", str(self._port), *options),
                ],
                cwd=self._data,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - we have no threads
                process_group=0,
                **self._identity,
            )

    def is_ready(self) -> bool:
        """Whether it takes connections; it is started anew if it gave up starting."""
        if self._process is None or self._process.poll() is not None:
            self.start()  # a child of the killed one still held the shared memory
            return False
        ask = [
            str(self._binaries / "pg_isready"),
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self._port),
        ]
        return not subprocess.run(ask, check=False).returncode

    def kill(self) -> None:
        """SIGKILL the postmaster and all its children: what a power cut does."""
        if self._process is None:
            return
        family = [self._process.pid, *children_of(self._process.pid)]
        for pid in family:
            kill(pid)
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT)  # "fast": ends open sessions
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()

    @property
    def last_words(self) -> str:
        return read_log(self._log)


def _unprivileged(home: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: hand the folder to somebody else."""
    home.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(home, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)
