"""A process of ours that imports files: one request a line (JSON), one answer a line."""

from __future__ import annotations

import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402
from sending.costs import peak_mb, process_seconds, seconds_of  # noqa: E402

from importing.file import KEYS, rows_of  # noqa: E402
from pochtar.accounts.models import User, Workspace  # noqa: E402
from pochtar.accounts.services import open_workspace  # noqa: E402
from pochtar.base.addresshash import hash_address  # noqa: E402
from pochtar.base.queue import NamedTask  # noqa: E402
from pochtar.recipients.import_work import PHASES, TURN_SECONDS  # noqa: E402
from pochtar.recipients.imports import (  # noqa: E402
    apply_import,
    check_import,
    start_import,
)
from pochtar.recipients.models import (  # noqa: E402
    Import,
    ImportStep,
    Recipient,
    RecipientList,
    Subscription,
    WorkState,
)
from pochtar.recipients.words import fold  # noqa: E402
from pochtar.recipients.work import let_go, take  # noqa: E402


def prepare() -> dict[str, Any]:
    """Make the tables."""
    call_command("migrate", verbosity=0)
    return {}


def open_place() -> dict[str, Any]:
    """Make a workspace with an empty list."""
    owner = User.objects.create_user(f"{uuid.uuid4()}@lavka.example")
    workspace = open_workspace(name="Bench", owner=owner)
    RecipientList.objects.create(workspace=workspace, name="Bench")
    return {"workspace": str(workspace.pk)}


def bring_in(workspace: str, path: str) -> dict[str, Any]:
    """Import the file; return how long each part took, and what became of the rows."""
    place = Workspace.objects.get(pk=workspace)
    by = place.participants.get()
    costs = Costs()
    with Path(path).open("rb") as stream:
        import_ = start_import(
            place, by=by, stream=stream, file_name="bench.csv", size=0
        )
    costs.note("upload")
    check_import(import_, by=by, columns=import_.columns, lists=list(place.lists.all()))
    _work(import_, ImportStep.CHECKED)
    costs.note("check")
    apply_import(import_, by=by)
    _work(import_, ImportStep.INDEXING)
    costs.note("apply")
    _work(import_, ImportStep.FINISHED)
    costs.note("index")
    return {**costs.noted, "counts": import_.counts, "peak_mb": peak_mb()}


class Costs:
    """Seconds of each part: on the clock, of our processor, of the database's."""

    def __init__(self) -> None:
        self.noted: dict[str, dict[str, float]] = {
            "seconds": {},
            "python": {},
            "database": {},
        }
        self._last = self._now()

    def note(self, part: str) -> None:
        now = self._now()
        for (_name, figures), before, after in zip(
            self.noted.items(), self._last, now, strict=True
        ):
            figures[part] = after - before
        self._last = now

    @staticmethod
    def _now() -> tuple[float, float, float]:
        connection.ensure_connection()
        server = 0.0
        if connection.vendor == "postgresql":
            server = seconds_of([connection.connection.info.backend_pid])
        return time.perf_counter(), process_seconds(), server


def _work(import_: Import, until: ImportStep) -> None:
    """Work as the task does, a turn after the other, up to the step and no further."""
    while import_.step != until:
        held = take(Import, import_.pk)
        if held is None:
            raise RuntimeError(f"{import_.state} {import_.error}")
        end = time.monotonic() + TURN_SECONDS
        if not PHASES[held.step](held, over=lambda end=end: time.monotonic() > end):
            let_go(held, state=WorkState.WAITING)
        import_.refresh_from_db()


def row_by_row(workspace: str, rows: int) -> dict[str, Any]:
    """Bring so many in as others do: two upserts a row, a thousand rows a transaction.

    The statements are written by hand and sent as they are: what an ORM would add to
    each of them is not what is compared.
    """
    place = Workspace.objects.get(pk=workspace)
    to = place.lists.get()
    upsert, order = _upsert_statement()
    subscribe = (
        "INSERT INTO recipients_subscription (list_id, recipient_id, created_at)"
        " VALUES (%s, (SELECT id FROM recipients_recipient WHERE workspace_id = %s"
        " AND email_key = %s), %s) ON CONFLICT (list_id, recipient_id) DO NOTHING"
    )
    list_id, place_id = _stored("id", to.pk), _stored("workspace", place.pk)
    started = time.perf_counter()
    for batch in range(0, rows, 1000):
        with transaction.atomic(), connection.cursor() as cursor:
            for email, name, *values in rows_of(batch, min(batch + 1000, rows)):
                person = Recipient(
                    workspace=place,
                    email=email,
                    email_key=email.lower(),
                    address_hash=hash_address(email.lower()),
                    full_name=name,
                    name_key=fold(name),
                    attributes=dict(zip(KEYS, values, strict=True)),
                )
                now = _stored("created_at", timezone.now())
                cells = [_stored(one, getattr(person, one)) for one in order]
                cursor.execute(upsert, [*cells, now, now])
                cursor.execute(subscribe, [list_id, place_id, person.email_key, now])
    return {"seconds": time.perf_counter() - started}


def orm_row_by_row(workspace: str, rows: int) -> dict[str, Any]:
    """Bring so many in with what Django offers for it: look, insert or update."""
    place = Workspace.objects.get(pk=workspace)
    to = place.lists.get()
    started = time.perf_counter()
    for batch in range(0, rows, 1000):
        with transaction.atomic():
            for email, name, *values in rows_of(batch, min(batch + 1000, rows)):
                person, _new = Recipient.objects.update_or_create(
                    workspace=place,
                    email_key=email.lower(),
                    defaults={
                        "email": email,
                        "full_name": name,
                        "name_key": fold(name),
                        "attributes": dict(zip(KEYS, values, strict=True)),
                    },
                )
                Subscription.objects.get_or_create(list=to, recipient=person)
    return {"seconds": time.perf_counter() - started}


def _upsert_statement() -> tuple[str, list[str]]:
    """Return the statement, and the names of the fields whose values it takes."""
    dates = ("created_at", "updated_at")
    fields = [one for one in Recipient._meta.concrete_fields if one.name not in dates]
    columns = ", ".join([*(str(one.column) for one in fields), *dates])
    marks = ", ".join(["%s"] * (len(fields) + len(dates)))
    changed = ("full_name", "name_key", "attributes", "updated_at")
    sets = ", ".join(f"{name} = excluded.{name}" for name in changed)
    sql = (
        f"INSERT INTO recipients_recipient ({columns}) VALUES ({marks})"
        f" ON CONFLICT (workspace_id, email_key) DO UPDATE SET {sets}"
    )
    return sql, [one.name for one in fields]


def _stored(name: str, value: object) -> Any:
    field = Recipient._meta.get_field(name)
    if isinstance(value, Workspace):
        value = value.pk
    return field.get_db_prep_save(value, connection)  # type: ignore[union-attr]


def main() -> None:
    NamedTask.delay = lambda task, *args: None  # type: ignore[method-assign]
    verbs = {
        verb.__name__: verb
        for verb in (prepare, open_place, bring_in, row_by_row, orm_row_by_row)
    }
    for line in sys.stdin:
        request = json.loads(line)
        answer = verbs[request.pop("verb")](**request)
        connection.close()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
