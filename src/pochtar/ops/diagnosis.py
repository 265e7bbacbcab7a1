"""Look at each part of an installation and say what is wrong with it, and what to do."""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from kombu.connection import Connection
from kombu.exceptions import OperationalError

from mailcore.smtp.session import Session, SmtpError
from pochtar.accounts.models import Workspace
from pochtar.delivery.ledger import audit_run
from pochtar.delivery.models import Run
from pochtar.delivery.routes import system_route
from pochtar.recipients.stop_marks import wrong_marks

KEY_BYTES = 32
PATIENCE_SECONDS = 5
GREETING = b"220"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found about one part; ``text`` says what to do when it is not well."""

    part: str
    well: bool
    text: str


Look = Callable[[], tuple[bool, str]]


def examine() -> Iterator[Finding]:
    """Yield a finding for each part, one after the other."""
    looks: list[tuple[Promise, Look]] = [
        (gettext_lazy("Settings"), settings_are_sound),
        (gettext_lazy("Database"), database_is_up_to_date),
        (gettext_lazy("Broker"), broker_answers),
        (gettext_lazy("Front end"), front_end_is_built),
        (gettext_lazy("Sandbox"), sandbox_greets),
    ]
    if settings.SYSTEM_SMTP_URL:
        looks.append((gettext_lazy("System mail"), system_relay_lets_us_in))
    for part, look in looks:
        well, text = look()
        yield Finding(part=str(part), well=well, text=text)


def settings_are_sound() -> tuple[bool, str]:
    errors = [str(each.msg) for each in checks.run_checks() if each.is_serious()]
    if errors:
        return False, "; ".join(errors)
    if not _key_fits():
        return False, _("ENCRYPTION_KEY is not 32 bytes in base64.")
    if settings.DEBUG and not _is_this_machine(settings.PUBLIC_HOST):
        return False, _(
            "DEBUG is on, but PUBLIC_URL is not this machine: set DEBUG=off."
        )
    return True, settings.PUBLIC_URL


def _key_fits() -> bool:
    with suppress(binascii.Error, ValueError):
        return len(base64.urlsafe_b64decode(settings.ENCRYPTION_KEY)) == KEY_BYTES
    return False


def _is_this_machine(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def database_is_up_to_date() -> tuple[bool, str]:
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError as error:
        return False, _("does not answer: %(error)s") % {"error": error}
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        return False, _("is behind the code: run manage.py migrate")
    return True, connection.display_name


def broker_answers() -> tuple[bool, str]:
    url = settings.CELERY_BROKER_URL
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    broker: Any = Connection(  # type: ignore[no-untyped-call]
        url, transport_options=options, connect_timeout=2
    )
    try:
        with broker:
            broker.ensure_connection(max_retries=1, timeout=PATIENCE_SECONDS)
            # A folder is told by its path; as_uri() leaves a password out.
            return True, str(options.get("data_folder_in") or broker.as_uri())
    except (OperationalError, OSError) as error:
        return False, _("does not answer: %(error)s") % {"error": error}


def front_end_is_built() -> tuple[bool, str]:
    manifest = settings.PACKAGE / "web" / "static" / "dist" / "manifest.json"
    try:
        files = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False, _("is not built: run make setup")
    return True, _("%(count)d files") % {"count": len(files)}


def sandbox_greets() -> tuple[bool, str]:
    place = (settings.SANDBOX_HOST, settings.SANDBOX_PORT)
    shown = f"{place[0]}:{place[1]}"
    try:
        with socket.create_connection(place, timeout=PATIENCE_SECONDS) as caller:
            greeting = caller.recv(512)
    except OSError as error:
        return False, _(
            "nobody answers at %(place)s (%(error)s): it runs with make run, "
            "or alone with manage.py sandbox"
        ) % {"place": shown, "error": error.strerror or error}
    if not greeting.startswith(GREETING):
        return False, _("another program answers at %(place)s") % {"place": shown}
    return True, shown


def system_relay_lets_us_in() -> tuple[bool, str]:
    """Log in to the server of our own letters, send nothing."""
    route = system_route()
    shown = f"{route.host}:{route.port}"

    async def log_in() -> None:
        session = await Session.connect(route)
        await session.quit()

    try:
        asyncio.run(log_in())
    except SmtpError as error:
        said = error.reply.text if error.reply else error.text
        return False, f"{shown}: {error.code} {said}".rstrip()
    return True, shown


def examine_ledger() -> Iterator[tuple[Run, list[str]]]:
    """Yield each run with what is wrong in its ledger; nothing is well."""
    for run in Run.objects.order_by("started_at").iterator():
        yield run, audit_run(run)


def examine_stop_lists() -> Iterator[tuple[Workspace, int]]:
    """Yield each workspace with how many recipients are marked against its stop list."""
    for workspace in Workspace.objects.order_by("pk").iterator():
        yield workspace, wrong_marks(workspace)
