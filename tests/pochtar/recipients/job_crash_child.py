"""A program of its own for test_job_crash.py: workers that are killed, and a report."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import signal
import sys
import time
from typing import Any

from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import add_participant
from pochtar.recipients import jobs
from pochtar.recipients import work as work_module
from pochtar.recipients.bulk import add_selected
from pochtar.recipients.jobs import run_job, undo_job
from pochtar.recipients.models import (
    BulkItem,
    BulkJob,
    Recipient,
    RecipientList,
    Subscription,
    Work,
)
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection

KILLS = 6  # in each phase
MOMENTS = random.Random(8)


def seed(count: int) -> None:
    call_command("migrate", verbosity=0)
    workspace = Workspace.objects.create(name="Лавка")
    by = User.objects.create_user("editor@example.com", "correct horse battery")
    add_participant(workspace, user=by, role=Role.EDITOR)
    people = Recipient.objects.bulk_create(
        Recipient(workspace=workspace, email=address, email_key=address)
        for address in (f"r{number:05d}@example.com" for number in range(count))
    )
    row = RecipientList.objects.create(workspace=workspace, name="Гости")
    row.recipients.add(*people[::3])  # in the list already, and to stay there
    everybody = Selection(search=Search(workspace=workspace))
    add_selected(everybody, to=row, by=by)


def kill_some() -> list[dict[str, Any]]:
    """Let workers begin and kill each; say how things stood after each death."""
    return [_after_a_death() for _kill in range(KILLS)]


def _after_a_death() -> dict[str, Any]:
    connections.close_all()
    listen, tell = os.pipe()
    worker = os.fork()
    if worker == 0:
        _tell_of_batches(tell)
        _take_over()
        os._exit(0)
    os.close(tell)
    for _batch in range(MOMENTS.randint(1, 15)):
        os.read(listen, 1)
    time.sleep(MOMENTS.uniform(0, 0.01))
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    os.close(listen)
    return report()


def _tell_of_batches(tell: int) -> None:
    """Say that a batch is about to be committed: the moment to be killed."""
    kept = work_module.keep

    def keep(work: Work, **values: Any) -> None:
        kept(work, **values)
        os.write(tell, b".")

    jobs.keep = keep  # type: ignore[attr-defined]


def _take_over() -> None:
    """Work as one does who finds the job when the dead one's lease is over."""
    past = timezone.now() - dt.timedelta(seconds=1)
    BulkJob.objects.update(lease_until=past)
    run_job(BulkJob.objects.get().pk, seconds=None)


def report() -> dict[str, Any]:
    job = BulkJob.objects.get()
    return {
        "state": job.state,
        "step": job.step,
        "changed": job.changed,
        "returned": job.returned,
        "cursor": job.cursor,
        "members": Subscription.objects.count(),
        "items": BulkItem.objects.count(),
        "noted": BulkItem.objects.filter(before__isnull=False).count(),
    }


def main() -> None:
    jobs.BATCH, jobs.AT_ONCE = 10, 0
    seed(int(sys.argv[1]))
    figures: dict[str, Any] = {"deaths": kill_some()}
    _take_over()
    figures["done"] = report()
    undo_job(BulkJob.objects.get(), by=User.objects.get())
    figures["deaths"] += kill_some()
    _take_over()
    figures["undone"] = report()
    sys.stdout.write(json.dumps(figures))
