"""A worker of its own for test_processes.py: one run to its end, or whoever's turn it is.

It works on the database that the parent's tests use.
"""

from __future__ import annotations

import sys
import time

from pochtar.base.queue import NamedTask
from pochtar.delivery.driver import drive_run
from pochtar.delivery.models import Run
from pochtar.delivery.tasks import deliver_slice
from pochtar.delivery.ticks import tick_runs

PAUSE = 0.05


def drive(pk: str) -> None:
    drive_run(Run.objects.get(pk=pk))


def work() -> None:
    """Do what a Celery worker with beat does, without a broker, until it is killed."""
    NamedTask.delay = lambda task, *args: None  # type: ignore[method-assign]
    while True:
        tick_runs()
        deliver_slice(0)
        time.sleep(PAUSE)


def main() -> None:
    verb, *words = sys.argv[1:]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    drive(*words) if verb == "drive" else work()
