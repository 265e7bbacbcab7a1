"""``manage.py sandbox``: the built-in mail catcher, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from pochtar.sandbox.server import Address, serve

CANNOT_LISTEN = 2


class Command(BaseCommand):
    help = "Run the sandbox: an SMTP server that keeps letters and delivers none."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.SANDBOX_HOST)
        parser.add_argument("--port", type=int, default=settings.SANDBOX_PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        try:
            asyncio.run(self._serve(host, port))
        except OSError as error:
            raise CommandError(
                _why_not(error, host, port), returncode=CANNOT_LISTEN
            ) from error

    async def _serve(self, host: str, port: int) -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopping.set)
        await serve(host, port, stopping=stopping, ready=self._say_where)

    def _say_where(self, address: Address) -> None:
        text = _("The sandbox listens on %(host)s:%(port)d")
        self.stdout.write(text % {"host": address.host, "port": address.port})
        self.stdout.flush()


def _why_not(error: OSError, host: str, port: int) -> str:
    place = {"host": host, "port": port}
    if error.errno == errno.EADDRINUSE:
        text = _(
            "Port %(port)d on %(host)s is taken by another program. "
            "Set SANDBOX_PORT to a free one."
        )
        return text % place
    text = _("The sandbox cannot listen on %(host)s:%(port)d: %(error)s")
    return text % {**place, "error": error.strerror or str(error)}
