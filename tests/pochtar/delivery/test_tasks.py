"""What workers do."""

from __future__ import annotations

from typing import Any

import pytest

from mailcore.smtp.sink import Script, Step, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery import tasks
from pochtar.delivery.ledger import count_states
from pochtar.delivery.models import RunStatus, Slice
from pochtar.delivery.tasks import deliver_slice
from tests.pochtar.delivery.launching import launch, make_people

pytestmark = pytest.mark.django_db


def test_one_task_goes_on_through_the_run(workspace: Workspace, settings: Any) -> None:
    settings.DELIVERY_SLICE_SIZE = 5
    make_people(workspace, 12)
    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        deliver_slice(Slice.objects.filter(run=run).order_by("pk")[0].pk)

    run.refresh_from_db()
    assert (run.status, count_states(run).accepted) == (RunStatus.COMPLETED, 12)


def test_a_task_may_come_twice_or_for_nothing(workspace: Workspace) -> None:
    make_people(workspace, 3)
    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        pk = Slice.objects.get(run=run).pk
        for slice_id in (0, pk, pk):
            deliver_slice(slice_id)

    assert len(sink.accepted) == 3


def test_a_worker_that_stops_takes_nothing_new(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_people(workspace, 3)
    tasks._stop_at_the_next_letter()
    try:
        with sink_in_thread() as sink:
            run = launch(workspace, sink)
            deliver_slice(Slice.objects.get(run=run).pk)
    finally:
        tasks._stopping.clear()

    assert count_states(run).pending == 3


def test_trouble_pauses_and_the_task_ends(workspace: Workspace) -> None:
    make_people(workspace, 3)
    with sink_in_thread(Script(steps={"mail": Step("550 no")})) as sink:
        run = launch(workspace, sink)
        deliver_slice(Slice.objects.get(run=run).pk)

    run.refresh_from_db()
    assert (run.status, run.pause_code) == (RunStatus.PAUSED, "sender_refused")
    assert "550 no" in run.pause_text
