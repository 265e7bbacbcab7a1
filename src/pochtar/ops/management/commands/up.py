"""``manage.py up``: the whole service under one supervisor (``make run``)."""

from __future__ import annotations

import asyncio
import http.client
import os
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from django.urls import reverse
from django.utils.translation import gettext as _

from pochtar.ops import programs
from pochtar.ops.supervisor import Program, Report, Supervisor

LOOK_AGAIN_SECONDS = 0.2
OK = 200
COLOURS = {
    programs.WEB: "HTTP_SUCCESS",
    programs.WORKER: "SQL_FIELD",
    programs.SANDBOX: "MIGRATE_LABEL",
}


class Command(BaseCommand):
    help = "Start web, worker and sandbox; stop them all on Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--without-web",
            action="store_true",
            help="only worker and sandbox (runserver is the web)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        lock = programs.lock_installation()
        if lock is None:
            self._already_running(quietly=options["without_web"])
            return
        with lock:
            chosen = self._choose(options)
            address = os.environ.get("PUBLIC_URL", settings.PUBLIC_URL)
            programs.note_address(lock, address)
            if not options["without_web"]:
                self._migrate()
            status = asyncio.run(self._supervise(chosen, options))
        if status:
            raise SystemExit(status)

    def _already_running(self, *, quietly: bool) -> None:
        if quietly:
            self.stdout.write(_("The worker and the sandbox are running already."))
            return
        raise CommandError(
            _("Pochtar is running already from this folder. Stop it first.")
        )

    def _choose(self, options: dict[str, Any]) -> list[Program]:
        host, port = options["host"], options["port"]
        chosen = [programs.worker(), programs.sandbox()]
        if not options["without_web"]:
            if not programs.port_is_free(host, port):
                raise CommandError(
                    _("Port %(port)d is taken by another program.") % {"port": port}
                )
            os.environ.setdefault("PUBLIC_URL", f"http://{host}:{port}")
            chosen.insert(0, programs.web(host, port))
        if programs.settle_sandbox_port() is None:
            raise CommandError(
                _(
                    "Port %(port)d, where the sandbox should listen, is taken by "
                    "another program. Set SANDBOX_PORT to a free one in .env."
                )
                % {"port": settings.SANDBOX_PORT}
            )
        return chosen

    def _migrate(self) -> None:
        self.stdout.write(_("Bringing the database up to date…"))
        call_command("migrate", interactive=False, verbosity=0)
        connections.close_all()

    async def _supervise(self, chosen: list[Program], options: dict[str, Any]) -> int:
        async def tell_the_address() -> None:
            if not options["without_web"]:
                await _until_it_answers(options["host"], options["port"])
                self._welcome(options["host"], options["port"])

        supervisor = Supervisor(
            programs=chosen,
            report=Report(
                line=self._line, restarts=self._restarts, gave_up=self._gave_up
            ),
            environment=programs.environment(),
        )
        return await supervisor.run(tell_the_address)

    def _welcome(self, host: str, port: int) -> None:
        address = f"http://{host}:{port}"
        lines = [
            "",
            _("Pochtar answers: %(address)s/") % {"address": address},
            _("Register: %(address)s")
            % {"address": f"{address}{reverse('account_signup')}"},
            _("Something to look at: .venv/bin/python manage.py demo"),
            _("Stop: Ctrl-C"),
            "",
        ]
        self.stdout.write("\n".join(lines), self.style.SUCCESS)
        self.stdout.flush()

    def _line(self, name: str, text: str) -> None:
        paint = getattr(self.style, COLOURS.get(name, "HTTP_INFO"))
        self.stdout.write(f"{paint(f'{name:<8}|')} {text}")

    def _restarts(self, name: str, status: int, pause: float) -> None:
        self.stderr.write(
            _("%(name)s ended with status %(status)d; starting again in %(pause)d s")
            % {"name": name, "status": status, "pause": round(pause)}
        )

    def _gave_up(self, name: str, status: int) -> None:
        self.stderr.write(
            _(
                "%(name)s keeps ending with status %(status)d: stopping everything. "
                "Its last lines above say why."
            )
            % {"name": name, "status": status}
        )


async def _until_it_answers(host: str, port: int) -> None:
    """Return when the first page has really been served."""
    # Another program's readiness: there is no event to wait for.
    while not await asyncio.to_thread(_page_is_served, host, port):  # noqa: ASYNC110
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _page_is_served(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == OK
    except OSError:
        return False
    except http.client.HTTPException:
        return False
    finally:
        connection.close()
