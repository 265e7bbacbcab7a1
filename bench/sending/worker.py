"""A process of ours that fills a database, launches runs and drives them.

Reads a request a line (JSON) and answers with a line: the program that measures starts
several of these, and their start-up is not counted.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import QuerySet  # noqa: E402
from django.utils import timezone  # noqa: E402

from mailcore.engine.types import Item  # noqa: E402
from pochtar.accounts.models import User, Workspace  # noqa: E402
from pochtar.accounts.services import open_workspace  # noqa: E402
from pochtar.base.addresshash import hash_address  # noqa: E402
from pochtar.content.models import Message  # noqa: E402
from pochtar.delivery import outbox  # noqa: E402
from pochtar.delivery.driver import drive_run  # noqa: E402
from pochtar.delivery.ledger import count_states  # noqa: E402
from pochtar.delivery.letters import composer_for_run  # noqa: E402
from pochtar.delivery.models import Relay, RelayTls, Run, Sender  # noqa: E402
from pochtar.delivery.runs import start_run  # noqa: E402
from pochtar.delivery.tables import columns_of, database_value, table_of  # noqa: E402
from pochtar.recipients.models import Basis, Recipient  # noqa: E402
from sending.choosing import chosen_audience  # noqa: E402
from sending.costs import peak_mb, process_seconds, seconds_of  # noqa: E402
from sending.letter import ATTRIBUTES, FULL_NAME, SUBJECT, VALUES, html, order, text  # noqa: E402

BATCH = 10_000
COMPOSED = 2000  # letters, to learn what composing costs
DOMAIN = "lavka.example"


class Meter:
    """Processor time of the store's calls: ours, and the back end's for reading."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.read = self.record = self.back_end_read = 0.0

    def watch(self, store: type[outbox.SliceStore]) -> None:
        read = store.read

        def metered_read(*arguments: Any) -> list[Item]:
            server, own = back_end_seconds(), time.thread_time()
            items = read(*arguments)
            self.read += time.thread_time() - own
            self.back_end_read += back_end_seconds() - server
            return items

        store.read = metered_read  # type: ignore[method-assign, assignment]
        for name in ("advance", "release"):
            setattr(store, name, self._metered(getattr(store, name)))

    def _metered(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def metered_write(*arguments: Any) -> Any:
            own = time.thread_time()
            try:
                return write(*arguments)
            finally:
                self.record += time.thread_time() - own

        return metered_write


meter = Meter()


def back_end_seconds() -> float:
    connection.ensure_connection()
    if connection.vendor != "postgresql":
        return 0
    back_end: int = connection.connection.info.backend_pid
    return seconds_of([back_end])


# What can be asked ---------------------------------------------------------------------
def prepare(recipients: int) -> dict[str, Any]:
    """Fill the database with a workspace of so many recipients."""
    call_command("migrate", verbosity=0)
    owner = User.objects.create_user(f"{uuid.uuid4()}@{DOMAIN}")
    workspace = open_workspace(name=f"Bench {recipients}", owner=owner)
    for start in range(0, recipients, BATCH):
        _insert(workspace, start, min(start + BATCH, recipients))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM ANALYZE {table_of(Recipient)}")
    return {"workspace": str(workspace.pk)}


def launch(
    workspace: str, host: str, port: int, recipients: int, dkim: bool
) -> dict[str, Any]:
    """Start a run to the first so many; return its id."""
    owner = Workspace.objects.get(pk=workspace)
    if dkim:
        _make_key(owner)
    first = Recipient.objects.filter(workspace=owner).order_by("pk").values("pk")
    run, _seconds = _start(
        owner,
        Recipient.objects.filter(workspace=owner, pk__in=first[:recipients]),
        host=host,
        port=port,
    )
    # Nothing is held back here: what is measured is sending.
    Run.objects.filter(pk=run.pk).update(undo_until=None, canary=0)
    return {"run": str(run.pk)}


def _start(
    owner: Workspace, audience: QuerySet[Recipient], *, host: str, port: int
) -> tuple[Run, float]:
    relay = Relay.objects.create(
        workspace=owner,
        name=f"sink {uuid.uuid4()}",
        host=host,
        port=port,
        tls=RelayTls.NONE,
    )
    sender = Sender.objects.create(
        workspace=owner, relay=relay, from_name="Лавка", from_email=f"news@{DOMAIN}"
    )
    message = Message.objects.create(
        workspace=owner, subject=SUBJECT, html=html(), text=text()
    )
    started = time.perf_counter()
    run = start_run(
        owner, message=message, sender=sender, audience=audience, nudge=False
    )
    return run, time.perf_counter() - started


def drive(run: str) -> dict[str, Any]:
    """Send the run, perhaps beside others; return what it cost this process."""
    row = Run.objects.select_related("workspace", "relay").get(pk=run)
    meter.reset()
    server, own, wall = back_end_seconds(), process_seconds(), time.perf_counter()
    thread = time.thread_time()
    row = drive_run(row)
    thread = time.thread_time() - thread
    wall, own = time.perf_counter() - wall, process_seconds() - own
    server = back_end_seconds() - server
    return {
        "seconds": wall,
        "python": own,
        "postgres": server,
        "read": meter.read + meter.back_end_read,
        "record": meter.record + server - meter.back_end_read,
        "drive": thread - meter.read - meter.record,
        "peak_mb": peak_mb(),
        "status": row.status,
        "accepted": count_states(row).accepted,
    }


def compose(run: str) -> dict[str, Any]:
    """Return what one letter costs to compose (and sign), and its size."""
    row = Run.objects.select_related("workspace", "relay").get(pk=run)
    composer = composer_for_run(row)
    values = {"full_name": FULL_NAME, "order": order(1), **VALUES}
    item = Item(
        delivery_id=1, position=1, email=address(1), name=FULL_NAME, values=values
    )
    now = timezone.now()
    envelope = composer(item, now)
    started = time.thread_time()
    for number in range(COMPOSED):
        composer(replace(item, delivery_id=number), now)
    seconds = (time.thread_time() - started) / COMPOSED
    return {"seconds": seconds, "bytes": len(envelope.data)}


def freeze(workspace: str) -> dict[str, Any]:
    """Launch a run to everybody, as a mailing is launched, and take it back."""
    owner = Workspace.objects.get(pk=workspace)
    everybody = Recipient.objects.filter(workspace=owner)
    with transaction.atomic():
        run, seconds = _start(owner, everybody, host="127.0.0.1", port=9)
        transaction.set_rollback(True)
    return {"seconds": seconds, "selected": run.selected}


def freeze_chosen(workspace: str) -> dict[str, Any]:
    """The same to an audience of lists and segments, less exceptions."""
    owner = Workspace.objects.get(pk=workspace)
    with transaction.atomic():
        some = Recipient.objects.filter(workspace=owner, email__contains="5@")
        earlier, _seconds = _start(owner, some, host="127.0.0.1", port=9)
        audience = chosen_audience(owner, earlier)
        run, seconds = _start(owner, audience, host="127.0.0.1", port=9)
        transaction.set_rollback(True)
    return {"seconds": seconds, "selected": run.selected}


# Rows ----------------------------------------------------------------------------------
def address(number: int) -> str:
    return f"reader{number:07d}@example.com"


def _insert(workspace: Workspace, start: int, stop: int) -> None:
    names = [
        *("id", "workspace", "email", "email_key", "full_name", "name_key"),
        *("comment", "attributes", "created_at", "updated_at", "unsubscribed_via"),
        *("address_hash", "basis", "suppressed"),
    ]
    columns, table = columns_of(Recipient, *names), table_of(Recipient)
    rows = list(_rows(workspace, start, stop))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            lines = "".join("\t".join(map(str, row)) + "\n" for row in rows)
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                copy.write(lines.encode())
            return
        marks = ", ".join(["%s"] * len(names))
        cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)


def _rows(workspace: Workspace, start: int, stop: int) -> Iterator[tuple[Any, ...]]:
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    first = time.time_ns() // 1_000_000
    owner = database_value(Recipient, "workspace", workspace.pk)
    for number in range(start, stop):
        # As uuid7 gives them: rising with time.
        key = uuid.UUID(int=first << 80 | 0x7 << 76 | 0x8 << 60 | number)
        attributes = {**dict.fromkeys(ATTRIBUTES, ""), **VALUES, "order": order(number)}
        email = address(number)
        name_key = FULL_NAME.lower()
        packed = json.dumps(attributes, ensure_ascii=False)
        pk = database_value(Recipient, "id", key)
        hashed = database_value(Recipient, "address_hash", hash_address(email))
        person = (pk, owner, email, email, FULL_NAME, name_key, "", packed, now, now)
        yield (*person, "", hashed, Basis.CONSENT.value, False)


def _make_key(workspace: Workspace) -> None:
    """Let the sender's domain sign, as if its record were seen in DNS."""
    keys = importlib.import_module("pochtar.delivery.dkim_keys")
    if keys.keys_of(workspace, DOMAIN):
        return
    owner = User.objects.get(memberships__workspace=workspace)
    key = keys.generate_dkim_key(workspace, domain=DOMAIN, by=owner)
    type(key).objects.filter(pk=key.pk).update(state="active")


VERBS: dict[str, Callable[..., dict[str, Any]]] = {
    "prepare": prepare,
    "launch": launch,
    "drive": drive,
    "compose": compose,
    "freeze": freeze,
    "freeze_chosen": freeze_chosen,
}


def main() -> None:
    meter.watch(outbox.SliceStore)
    # What the programs log goes elsewhere: this one's words are answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        request = json.loads(line)
        answer = VERBS[request.pop("verb")](**request)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
