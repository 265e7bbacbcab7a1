"""Django's runserver, giving the whole service: front end, worker and sandbox too."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands.runserver import (
    Command as RunserverCommand,
)
from django.core.management.base import CommandError, CommandParser
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV
from django.utils.translation import gettext as _

from pochtar.ops import programs, supervisor, tied

STOP_SECONDS = 10


class Command(RunserverCommand):
    # Set by Django's own handle().
    addr: str
    port: str
    _raw_ipv6: bool

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--alone",
            action="store_true",
            help="do not start the worker and the sandbox",
        )

    def run(self, **options: Any) -> None:
        """Run the server; in the process that outlives reloads, the rest as well."""
        if os.environ.get(DJANGO_AUTORELOAD_ENV) == "true":
            tied.tie_to_parent()
            super().run(**options)
            return
        if not programs.port_is_free(self.addr, int(self.port)):
            raise CommandError(
                _("Port %(port)d is taken by another program.")
                % {"port": int(self.port)}
            )
        self._build_front_end()
        os.environ.setdefault("PUBLIC_URL", f"http://{self._address()}")
        with self._companions(alone=options["alone"]):
            super().run(**options)

    def _address(self) -> str:
        host = f"[{self.addr}]" if self._raw_ipv6 else self.addr
        return f"{host}:{self.port}"

    def _build_front_end(self) -> None:
        """Without npm the page itself says what to run."""
        if (settings.PACKAGE / "web/static/dist/.pochtar-stamp").exists():
            return
        script = settings.PACKAGE.parent.parent / "scripts" / "prepare.py"
        if script.exists() and shutil.which("npm"):
            command = [sys.executable, str(script), "--only-frontend"]
            subprocess.run(command, check=False)

    @contextlib.contextmanager
    def _companions(self, *, alone: bool) -> Iterator[None]:
        if alone:
            yield
            return
        if programs.settle_sandbox_port() is None:
            self.stderr.write(
                _("Port %(port)d, where the sandbox should listen, is taken.")
                % {"port": settings.SANDBOX_PORT}
            )
        process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", supervisor.TIED, str(os.getpid())),
                *(sys.executable, "-m", "django", "up", "--without-web"),
            ],
            env=programs.environment(),
            stdin=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C reaches us; we end it in order
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
