"""What ``make run`` starts, and the ports and the lock it needs for that."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import sys
from pathlib import Path
from typing import TextIO

from django.conf import settings

from pochtar.ops.supervisor import Program

WEB, WORKER, SANDBOX = "web", "worker", "sandbox"
SANDBOX_PORT_TRIES = 100


def web(host: str, port: int) -> Program:
    """Granian over WSGI: one process, threads for requests that wait."""
    return Program(
        name=WEB,
        command=(
            *(sys.executable, "-m", "granian", "--interface", "wsgi"),
            *("--host", host, "--port", str(port), "--no-ws"),
            *("--blocking-threads", "4", "--workers-kill-timeout", "4"),
            *("--log-level", "warning", "pochtar.conf.wsgi:application"),
        ),
    )


def worker() -> Program:
    """Celery, with beat inside: the one worker of a laptop.

    Threads rather than processes: sending waits for the network, they start and stop
    in half the time, and all of them hear the request to stop.
    """
    return Program(
        name=WORKER,
        command=(
            *(sys.executable, "-m", "celery", "-q", "-A", "pochtar.conf.celery"),
            *("worker", "--beat", "--pool", "threads", "--concurrency", "4"),
            *("--loglevel", "WARNING"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
    )


def sandbox() -> Program:
    return Program(
        name=SANDBOX,
        command=(sys.executable, "-m", "django", "sandbox"),
        last=True,
    )


def environment() -> dict[str, str]:
    """What the programs see: our settings, our code, output without delay."""
    code = str(Path(settings.PACKAGE).parent)
    paths = [code, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    # The programs write into our pipe: whether a person reads along, we know.
    default = {
        "LOG_JSON": "off" if sys.stdout.isatty() else "on",
        # Celery's advice to root, on every start.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
    }
    return (
        default
        | os.environ
        | {
            "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            "PYTHONUNBUFFERED": "1",
        }
    )


def port_is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: a connection that is still in TIME_WAIT takes no port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            # Any other trouble is better told by who really listens there.
            return error.errno != errno.EADDRINUSE
    return True


def settle_sandbox_port() -> int | None:
    """Return a free port for the sandbox, or None where the named one is taken.

    A port that somebody chose is kept.  Otherwise the next free one is taken and
    remembered in .env, so that ``sendmail`` in another window finds it too.
    """
    host, port = settings.SANDBOX_HOST, settings.SANDBOX_PORT
    if port_is_free(host, port):
        return int(port)
    if "SANDBOX_PORT" in os.environ:  # by hand, or in .env
        return None
    for candidate in range(port + 1, port + SANDBOX_PORT_TRIES):
        if port_is_free(host, candidate):
            _remember("SANDBOX_PORT", str(candidate))
            return candidate
    return None


def _remember(name: str, value: str) -> None:
    os.environ[name] = value
    if settings.ENV_FILE.exists():  # a server may be configured without one
        with settings.ENV_FILE.open("a", encoding="utf-8") as file:
            file.write(f"{name}={value}\n")


def lock_installation() -> TextIO | None:
    """Return the held lock of this installation's folder; None when it is running."""
    file = _lock_path().open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def note_address(lock: TextIO, address: str) -> None:
    """Tell other commands where this installation is reached now."""
    lock.write(f"{address}\n")
    lock.flush()


def current_address() -> str:
    """Return where the installation is reached, or will be when it is started."""
    with contextlib.suppress(OSError), _lock_path().open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:  # somebody holds it: what it says is true
            _pid, *address = file.read().split()
            return address[0] if address else str(settings.PUBLIC_URL)
    return str(settings.PUBLIC_URL)


def _lock_path() -> Path:
    return Path(settings.VAR) / "running.lock"
