"""An installation of the drill's own in a temporary folder, and the drill inside it.

The operator's own installation is never touched: the drill runs in a second process
that sees other settings, another database and another broker.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from pochtar.ops.drill.plan import POSTGRES, Plan, settings_of_the_drill

HOST = "127.0.0.1"
INSIDE = "--inside"
# What the surrounding environment is configured with must not reach the drill.
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")


def run_in_its_own_installation(
    plan: Plan, arguments: Sequence[str], *, broker: str = "", keep: bool = False
) -> tuple[int, Path]:
    """Run the same command inside; return its status and its folder.

    The folder is removed when all was well, unless it is to be kept.
    """
    folder = Path(tempfile.mkdtemp(prefix="pochtar-drill-"))
    folder.chmod(0o711)  # PostgreSQL's own user goes through it to its cluster
    command = [sys.executable, sys.argv[0], "drill", *arguments, INSIDE]
    environment = _environment(plan, folder, broker)
    status = subprocess.run(command, env=environment, check=False).returncode
    if not status and not keep:
        shutil.rmtree(folder, ignore_errors=True)
    return status, folder


def _environment(plan: Plan, folder: Path, broker: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    made = {
        **kept,
        **settings_of_the_drill(),
        "POCHTAR_VAR": str(folder / "var"),
        "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
        "PYTHONPATH": str(Path(settings.PACKAGE).parent),
    }
    if broker:
        made["CELERY_BROKER_URL"] = broker
    if plan.database == POSTGRES:
        made["DATABASE_URL"] = f"postgres://pochtar@{HOST}:{free_port()}/postgres"
    return made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
