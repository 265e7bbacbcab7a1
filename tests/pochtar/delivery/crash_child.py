"""A program of its own for test_crash.py: seed, drive (to be killed), report."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from django.core.management import call_command

from pochtar.accounts.models import Workspace
from pochtar.content.models import Message
from pochtar.delivery.driver import drive_run
from pochtar.delivery.ledger import audit_run, recount_states
from pochtar.delivery.models import Attempt, Relay, RelayTls, Run, Sender
from pochtar.delivery.runs import resume_run, start_run
from pochtar.recipients.models import Recipient


def seed(port: int, count: int) -> None:
    call_command("migrate", verbosity=0)
    workspace = Workspace.objects.create(name="Лавка")
    Recipient.objects.bulk_create(
        Recipient(
            workspace=workspace, email=address, email_key=address, basis="consent"
        )
        for address in (f"r{number:05d}@example.com" for number in range(count))
    )
    relay = Relay.objects.create(
        workspace=workspace,
        name="sink",
        host="127.0.0.1",
        port=port,
        tls=RelayTls.NONE,
    )
    start_run(
        workspace,
        message=Message.objects.create(
            workspace=workspace, subject="Привет", html="<p>Привет</p>"
        ),
        sender=Sender.objects.create(
            workspace=workspace, relay=relay, from_email="news@lavka.example"
        ),
        audience=Recipient.objects.filter(workspace=workspace),
        nudge=False,
    )


def drive() -> None:
    run = Run.objects.get()
    resume_run(run, nudge=False)
    drive_run(run)


def report() -> None:
    run = Run.objects.get()
    accepted = Attempt.objects.filter(run=run, outcome="accepted")
    figures = {
        "counts": asdict(recount_states(run)),
        "audit": audit_run(run),
        "accepted": list(accepted.values_list("delivery__email", flat=True)),
        "status": run.status,
    }
    sys.stdout.write(json.dumps(figures))


def main() -> None:
    verb, *numbers = sys.argv[1:]
    if verb == "seed":
        seed(*map(int, numbers))
    elif verb == "drive":
        drive()
    else:
        report()
