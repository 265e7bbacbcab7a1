"""A PostgreSQL cluster of one's own in a temporary folder, gone when the block ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START_SECONDS = 30
PR_SET_PDEATHSIG = 1
# Nothing in it has to outlive a power cut.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def find_binaries() -> Path | None:
    """The folder of initdb and postgres, the newest version first."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda folder: int(folder.parent.name),
        reverse=True,
    )
    on_path = shutil.which("initdb")
    folders = [*installed, *([Path(on_path).resolve().parent] if on_path else [])]
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


@contextlib.contextmanager
def throwaway_cluster(binaries: Path, *settings: str) -> Iterator[str]:
    """Yield the address of an empty database that only this program uses.

    ``settings`` are the server's, as ``name=value``.
    """
    home = Path(tempfile.mkdtemp(prefix="pochtar-postgres-"))
    identity = _unprivileged(home)
    data = home / "data"
    server: subprocess.Popen[bytes] | None = None
    try:
        options = ["-U", "pochtar", "--auth=trust", "--no-sync", "-E", "UTF8"]
        subprocess.run(
            [binaries / "initdb", "-D", data, *options, "--locale=C.UTF-8"],
            check=True,
            cwd=home,
            stdout=subprocess.DEVNULL,
            **identity,
        )
        port = _free_port()
        server = _start(binaries, data, port, identity, settings)
        _wait_until_ready(binaries, port, server)
        yield f"postgres://pochtar@127.0.0.1:{port}/postgres"
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # "fast": ends open sessions
            server.wait(timeout=START_SECONDS)
        shutil.rmtree(home, ignore_errors=True)


def _unprivileged(home: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: hand the folder to somebody else."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(home, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _start(
    binaries: Path,
    data: Path,
    port: int,
    identity: dict[str, Any],
    more: tuple[str, ...],
) -> subprocess.Popen[bytes]:
    settings = [
        *FAST,
        *more,
        "listen_addresses=127.0.0.1",
        f"unix_socket_directories={data}",
        "max_connections=60",
        "log_min_messages=fatal",
    ]
    options = [part for setting in settings for part in ("-c", setting)]
    return subprocess.Popen(
        [binaries / "postgres", "-D", data, "-p", str(port), *options],
        cwd=data,
        stderr=subprocess.DEVNULL,
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads are running here
        process_group=0,  # Ctrl-C is for us: we stop it ourselves
        **identity,
    )


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_until_ready(
    binaries: Path, port: int, server: subprocess.Popen[bytes]
) -> None:
    ask: list[str | Path] = [
        binaries / "pg_isready",
        "-q",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    deadline = time.monotonic() + START_SECONDS
    while subprocess.run(ask, check=False).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the throw-away PostgreSQL did not start")
        time.sleep(0.1)
