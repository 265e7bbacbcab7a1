"""Fill an empty database: recipients, ten lists each, five mailings sent to everybody.

COPY on PostgreSQL, one prepared statement on SQLite, and ``INSERT … SELECT`` for what
follows from rows that are there.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from business.around import (
    add_import,
    add_segments,
    add_stop_list,
    add_work,
    execute,
)
from business.people import person
from pochtar.accounts.models import User, Workspace
from pochtar.accounts.services import open_workspace
from pochtar.base.addresshash import address_digits
from pochtar.content.models import Message
from pochtar.delivery.models import Relay, RelayKind, RelayTls, Run, Sender, Slice
from pochtar.delivery.runs import start_run
from pochtar.mailings.models import Mailing
from pochtar.recipients.import_index import CHUNK, CHUNK_SQLITE
from pochtar.recipients.indexing import index_recipients
from pochtar.recipients.models import (
    Attribute,
    Recipient,
    RecipientList,
    UnsubscribedVia,
)
from pochtar.recipients.words import fold

BATCH = 20_000
LISTS = 10  # that each recipient is in
MAILINGS = 5
RECIPIENT = [
    "id",
    "workspace_id",
    "email",
    "email_key",
    "address_hash",
    "full_name",
    "name_key",
    "comment",
    "attributes",
    "created_at",
    "updated_at",
    "unsubscribed_via",
    "basis",
    "suppressed",
]


def fill(recipients: int) -> tuple[User, Workspace]:
    user = User.objects.create_user("bench@example.com", name="Bench")
    workspace = open_workspace(name="Bench", owner=user)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.execute("PRAGMA cache_size=-200000")
    for key in ("city", "orders"):
        Attribute.objects.create(workspace=workspace, key=key)
    steps = (
        add_people,
        index_people,
        add_lists,
        add_import,
        add_stop_list,
        add_segments,
        add_work,
        send_mailings,
        take_bases,
        analyse,
    )
    for step in steps:
        started = time.perf_counter()
        step(workspace, recipients)
        seconds = time.perf_counter() - started
        print(f"{step.__name__}: {seconds:.0f} s", file=sys.stderr, flush=True)
    return user, workspace


def add_people(workspace: Workspace, recipients: int) -> None:
    columns = ", ".join(RECIPIENT)
    table = Recipient._meta.db_table
    for start in range(0, recipients, BATCH):
        rows = people(workspace, range(start, min(start + BATCH, recipients)))
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
                continue
            marks = ", ".join(["%s"] * len(RECIPIENT))
            cursor.executemany(
                f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(rows)
            )


def people(workspace: Workspace, numbers: range) -> Iterator[tuple[Any, ...]]:
    for number in numbers:
        made = person(number)
        added = dt.datetime.fromtimestamp(made.added_ms / 1000, dt.UTC)
        yield (
            made.id.hex,
            workspace.pk.hex,
            made.email,
            made.email,
            address_digits(made.email),
            made.full_name,
            fold(made.full_name),
            "",
            json.dumps({"city": made.city, "orders": made.orders}),
            added,
            added,
            "",
            "consent",
            False,
        )


def index_people(workspace: Workspace, recipients: int) -> None:
    """In batches as an import does it."""
    everybody = Recipient.objects.of(workspace)
    size = CHUNK if connection.vendor == "postgresql" else CHUNK_SQLITE
    for start in range(0, recipients, size):
        last = min(start + size, recipients) - 1
        index_recipients(
            everybody.filter(pk__gte=person(start).id, pk__lte=person(last).id)
        )


def add_lists(workspace: Workspace, recipients: int) -> None:
    """Each is in ten lists: six of all, the rest of parts of several sizes."""
    sizes = {f"all {number}": (0, recipients) for number in range(6)}
    for parts in (2, 10, 25, 50):
        width = -(-recipients // parts)
        sizes |= {
            f"one of {parts}, {part}": (part * width, (part + 1) * width)
            for part in range(parts)
        }
    sizes = {name: (a, min(b, recipients)) for name, (a, b) in sizes.items()}
    for name, (first, end) in sizes.items():
        if first >= end:
            continue
        row = RecipientList.objects.create(workspace=workspace, name=name)
        execute(
            "INSERT INTO recipients_subscription (list_id, recipient_id, created_at) "
            "SELECT %s, id, %s FROM recipients_recipient "
            "WHERE id >= %s AND id <= %s ORDER BY id",
            row.pk.hex,
            timezone.now(),
            person(first).id.hex,
            person(end - 1).id.hex,
        )


def send_mailings(workspace: Workspace, recipients: int) -> None:
    relay = Relay.objects.create(
        workspace=workspace,
        name="Relay",
        kind=RelayKind.SMTP,
        host="127.0.0.1",
        port=25,
        tls=RelayTls.NONE,
    )
    sender = Sender.objects.create(
        workspace=workspace,
        relay=relay,
        from_name="Лавка",
        from_email="news@lavka.example",
    )
    message = Message.objects.create(
        workspace=workspace, subject="Осенние новинки", html="<p>Здравствуйте!</p>"
    )
    for number in range(MAILINGS):
        run = start_run(
            workspace,
            message=message,
            sender=sender,
            audience=Recipient.objects.of(workspace),
            nudge=False,
        )
        attempt_all(run)
        Mailing.objects.create(
            workspace=workspace,
            name=f"Рассылка {number}",
            message=message,
            sender=sender,
            run=run,
            status="completed",
        )


def attempt_all(run: Run) -> None:
    """Write the attempts as a run leaves them: one in a hundred is refused."""
    now = timezone.now()
    failed = "position %% 100 = 0"
    execute(
        "INSERT INTO delivery_attempt (workspace_id, run_id, delivery_id, number, "
        "outcome, permanent, code, enhanced_code, reply, stage, reason, host, peer, "
        "tls, queue_id, at, duration_ms) SELECT %s, run_id, id, 1, "
        f"CASE WHEN {failed} THEN 'failed' ELSE 'accepted' END, {failed}, "
        f"CASE WHEN {failed} THEN 550 ELSE 250 END, '', "
        f"CASE WHEN {failed} THEN 'User unknown' ELSE 'Ok: queued' END, "
        "'data', '', 'mx.example', '127.0.0.1', 'TLSv1.3', 'A1B2', %s, 12 "
        "FROM delivery_delivery WHERE run_id = %s ORDER BY position",
        run.workspace_id.hex,
        now,
        run.pk.hex,
    )
    bad = run.selected // 100
    run.tallies.create(
        workspace=run.workspace,
        minute=now.replace(second=0, microsecond=0),
        accepted=run.selected - bad,
        failed=bad,
    )
    for slice_ in Slice.objects.filter(run=run):
        Slice.objects.filter(pk=slice_.pk).update(
            status="done", cursor=slice_.last_position
        )
    Run.objects.filter(pk=run.pk).update(status="completed", finished_at=now)


def take_bases(workspace: Workspace, recipients: int) -> None:
    """Leave some unconfirmed, as an import without a basis does, and some gone."""
    some = Recipient.objects.of(workspace)
    first, second, last = (person(recipients * n // 20).id for n in (10, 11, 12))
    some.filter(pk__gt=first, pk__lt=second).update(basis="")
    some.filter(pk__gt=second, pk__lt=last).update(
        unsubscribed_at=timezone.now(), unsubscribed_via=UnsubscribedVia.PAGE
    )


def analyse(workspace: Workspace, recipients: int) -> None:
    if connection.vendor == "postgresql":
        execute("VACUUM ANALYZE")
    else:
        execute("ANALYZE")
