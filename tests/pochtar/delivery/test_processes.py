"""Limits over several worker processes, by the clock of the server (PRV-03)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import LazySettings

from mailcore.smtp.sink import Script, Step, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery.ledger import audit_run, count_states
from pochtar.delivery.models import Run, RunStatus, Slice
from pochtar.delivery.turns import TURN_SECONDS
from pochtar.recipients.models import Recipient
from tests.make import make_workspace
from tests.ops.test_sendmail import environment
from tests.pochtar.delivery.launching import launch
from tests.pochtar.delivery.test_limits import Clocked, most_in, run_is_held

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[3]
PROGRAM = (
    "import django; django.setup(); "
    "from tests.pochtar.delivery.worker_child import main; main()"
)
IN_HAND = 50  # of one process: 5 connections, 10 letters each


@contextmanager
def workers(count: int, *words: object) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start programs that are killed, if they still live, when the block ends."""
    own = {
        "DJANGO_SETTINGS_MODULE": "pochtar.conf.settings",
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
    }
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, words)],
            env=environment() | own,
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for _ in range(count)
    ]
    try:
        for program in programs:
            assert program.stdout
            assert program.stdout.readline() == b"ready\n"
        yield programs
    finally:
        for program in programs:
            program.kill()
            program.wait()
            assert program.stdout
            program.stdout.close()


def many_people(workspace: Workspace, count: int) -> None:
    addresses = [f"r{number:05d}@example.com" for number in range(count)]
    Recipient.objects.bulk_create(
        Recipient(workspace=workspace, email=one, email_key=one, basis="consent")
        for one in addresses
    )


def wait_for(question: Callable[[], object], *, seconds: float) -> float:
    """Return after how many seconds the answer was yes."""
    began = time.monotonic()
    while not question():
        assert time.monotonic() < began + seconds
        time.sleep(0.02)
    return time.monotonic() - began


def test_two_processes_stay_within_a_second_and_a_minute_and_a_restart_counts_on(
    settings: LazySettings,
) -> None:
    """PRV-03: within 1.02 of each limit over any window; one is killed in between."""
    settings.DELIVERY_SLICE_SIZE = 30
    workspace = make_workspace()
    many_people(workspace, 400)
    clocked = Clocked()
    with sink_in_thread(Script(choose=clocked)) as sink:
        run = launch(workspace, sink, relay={"per_second": 100, "per_minute": 250})
        with workers(2, "drive", run.pk) as (first, _second):
            wait_for(lambda: len(clocked.times) >= 80, seconds=30)
            first.kill()
            first.wait()
            with workers(1, "drive", run.pk):
                wait_for(lambda: run_is_held(run), seconds=40)
                time.sleep(1)  # nothing more comes

    assert most_in(1, clocked.times) <= 100 * 1.02
    # What the killed one had in hand is used up, whether it was sent or not.
    assert 250 - IN_HAND <= len(clocked.times) <= 250
    assert audit_run(run) == []
    counts = count_states(run)
    assert counts.accepted + counts.unknown + counts.pending == 400
    assert counts.unknown <= IN_HAND


def test_a_slow_and_limited_server_does_not_stall_another_mailing(
    settings: LazySettings,
) -> None:
    """PRV-03: two workers, both at work on the slow one when the other is launched."""
    settings.DELIVERY_SLICE_SIZE = 150
    slow_one, quick_one = make_workspace(), make_workspace()
    many_people(slow_one, 300)
    many_people(quick_one, 100)
    slow = Clocked()
    patient = Script(choose=slow, steps={"mail": Step(delay=0.3)})
    with sink_in_thread(patient) as far, sink_in_thread() as near:
        big = launch(slow_one, far, relay={"per_second": 5})
        with workers(2, "work"):
            wait_for(lambda: len(slow.times) >= 5, seconds=30)
            assert Slice.objects.filter(run=big, status="leased").count() == 2
            small = launch(quick_one, near)
            took = wait_for(lambda: has_ended(small), seconds=30)
            before = len(slow.times)
            wait_for(lambda: len(slow.times) > before, seconds=10)

    assert took < 2 * TURN_SECONDS + 2  # one turn, and what a loaded machine adds
    assert len(near.accepted) == 100
    assert not has_ended(big)


def has_ended(run: Run) -> bool:
    return Run.objects.get(pk=run.pk).status == RunStatus.COMPLETED
