"""A program of its own for test_import_crash.py: seed, work (to be killed), report.

Small chunks, so that a kill falls between and into many of them.
"""

from __future__ import annotations

import json
import random
import sys
import time

from django.core.management import call_command
from django.utils import timezone

from pochtar.accounts.models import User
from pochtar.accounts.services import open_workspace
from pochtar.base.queue import NamedTask
from pochtar.recipients import (
    import_applying,
    import_checking,
    import_index,
    import_narrowing,
    import_undo,
)
from pochtar.recipients.consent_audit import Audit
from pochtar.recipients.import_work import run_turn
from pochtar.recipients.imports import apply_import, check_import, undo_import
from pochtar.recipients.models import (
    Basis,
    ConsentSubject,
    Import,
    ImportStep,
    Recipient,
    SearchText,
    Subscription,
)
from tests.make import make_list, make_recipient
from tests.pochtar.recipients.importing import start

ROWS = 3000
KNOWN = 300  # are there already, under another name
CHUNK = 60


def seed() -> None:
    call_command("migrate", verbosity=0)
    owner = User.objects.create_user("owner@example.com")
    workspace = open_workspace(name="Лавка", owner=owner)
    numbers = random.Random(1).sample(range(ROWS), KNOWN)
    for number in numbers:
        make_recipient(
            workspace, f"r{number}@example.com", full_name="Прежнее имя", basis=""
        )
    lines = [f"r{number}@example.com;Имя {number};Город" for number in range(ROWS)]
    lines[7:7] = ["плохой адрес;;", "R3@example.com;Двойник;"]
    import_ = start(workspace, owner, "\n".join(["E-mail;Имя;Город", *lines]))
    check_import(
        import_,
        by=owner,
        columns=import_.columns,
        lists=[make_list(workspace)],
        basis=Basis.CONSENT,
    )


def drive(until: str) -> None:
    """Go on from whatever a killed one left behind, up to the step; a lease is short."""
    for module in (import_applying, import_checking, import_index, import_undo):
        for name in ("CHUNK", "CHUNK_SQLITE"):
            if hasattr(module, name):
                setattr(module, name, CHUNK)
    import_checking.PIECE = 20
    import_narrowing.AHEAD = 5 * CHUNK
    Import.objects.update(lease_until=timezone.now())  # time passes
    import_ = Import.objects.get()
    owner = User.objects.get()
    if (
        until in {ImportStep.FINISHED, ImportStep.INDEXING}
        and import_.step == ImportStep.CHECKED
    ):
        apply_import(import_, by=owner)
    if until == ImportStep.UNDONE and import_.step == ImportStep.FINISHED:
        undo_import(import_, by=owner)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while Import.objects.get().step != until:
        run_turn(import_.pk, seconds=0.05)
        time.sleep(0.001)


def report() -> None:
    import_ = Import.objects.get()
    people = Recipient.objects.all()
    texts = SearchText.objects.all()
    sys.stdout.write(
        json.dumps(
            {
                "step": import_.step,
                "state": import_.state,
                "counts": import_.counts,
                "refusals": import_.refusals,
                "people": people.count(),
                "renamed": people.filter(full_name__startswith="Имя ").count(),
                "former": people.filter(full_name="Прежнее имя", basis="").count(),
                "confirmed": people.filter(basis=Basis.CONSENT).count(),
                "listed": Subscription.objects.count(),
                "found": texts.count(),
                "by_name": texts.filter(text__contains=" имя").count(),
                "subjects": ConsentSubject.objects.count(),
                "flaws": [flaw.code for flaw in Audit().run()],
            }
        )
    )


def main() -> None:
    NamedTask.delay = lambda task, *args: None  # type: ignore[method-assign]
    verb, *words = sys.argv[1:]
    verbs = {"seed": seed, "drive": drive, "report": report}
    verbs[verb](*words)  # type: ignore[operator]
