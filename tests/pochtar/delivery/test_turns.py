"""Workers share their time between workspaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.utils import timezone

from mailcore.smtp.sink import Script, Sink, Step, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery import tasks, turns
from pochtar.delivery.ledger import audit_run, count_states
from pochtar.delivery.models import Run, RunStatus
from pochtar.delivery.outbox import SliceStore
from pochtar.delivery.runs import lease_slice
from pochtar.delivery.tasks import deliver_slice
from pochtar.delivery.turns import Turn, next_run
from pochtar.recipients.models import Recipient
from tests.pochtar.delivery.launching import launch

pytestmark = pytest.mark.django_db
NOWHERE = Sink(port=25)


@pytest.fixture(autouse=True)
def nobody_was_served() -> Iterator[None]:
    turns._served.clear()
    yield
    turns._served.clear()


def start(name: str, count: int, sink: Sink = NOWHERE) -> Run:
    workspace = Workspace.objects.create(name=name)
    Recipient.objects.bulk_create(
        Recipient(
            workspace=workspace, email=address, email_key=address, basis="consent"
        )
        for address in (f"r{number:05d}@example.com" for number in range(count))
    )
    return launch(workspace, sink)


def test_the_workspace_with_the_least_in_hand_is_next(settings: Any) -> None:
    settings.DELIVERY_SLICE_SIZE = 2
    big, small = start("Big", 10), start("Small", 2)
    assert lease_slice(big)

    assert next_run() == small
    assert lease_slice(small)
    assert next_run() == big  # small has nothing left to lease


def test_among_equals_the_one_served_longest_ago_is_next(settings: Any) -> None:
    settings.DELIVERY_SLICE_SIZE = 2
    first, second = start("First", 10), start("Second", 10)

    assert next_run() == first
    Turn(first)
    assert next_run() == second
    Turn(second)
    assert next_run() == first


def test_two_runs_of_one_workspace_count_as_one(settings: Any) -> None:
    settings.DELIVERY_SLICE_SIZE = 2
    one = start("One", 10)
    launch(one.workspace, NOWHERE, relay={"name": "another"})
    other = start("Other", 10)
    assert lease_slice(one)

    assert next_run() == other


def test_a_turn_is_cut_short_only_for_somebody_with_less(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DELIVERY_SLICE_SIZE = 2
    monkeypatch.setattr(turns, "LOOK_SECONDS", 0)
    big = start("Big", 10)
    assert lease_slice(big)
    turn = Turn(big)
    assert not turn.must_end()

    monkeypatch.setattr(turns, "TURN_SECONDS", 0)
    assert not turn.must_end()  # nobody else is there

    small = start("Small", 4)
    assert turn.must_end()
    assert lease_slice(small)
    assert not turn.must_end()  # as many as we


def test_nothing_to_do_is_nobodys_turn() -> None:
    assert next_run(timezone.now()) is None
    deliver_slice(1)


def test_a_turn_asks_for_one_more_and_the_last_for_none(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two would double the queue with every turn, and beat's tick stands in it too."""
    settings.DELIVERY_SLICE_SIZE = 3
    monkeypatch.setattr(turns, "TURN_SECONDS", 0)
    nudges: list[list[int]] = []
    monkeypatch.setattr(tasks, "nudge_slices", nudges.append)
    with sink_in_thread() as sink:
        start("One", 9, sink)
        for _turn in range(5):
            deliver_slice(7)

    assert nudges == [[7], [7]]


def test_a_small_mailing_does_not_wait_for_a_big_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One worker, one slice at a time: 50 letters, launched in a slice of 20,000."""
    monkeypatch.setattr(turns, "TURN_SECONDS", 0.2)
    monkeypatch.setattr(turns, "LOOK_SECONDS", 0.05)
    advance = SliceStore.advance
    with sink_in_thread(Script(steps={"dot": Step(delay=0.005)}, keep=False)) as sink:
        big, small = start("Big", 20_000, sink), Launch("Small", 50, sink)

        def launch_small_meanwhile(
            store: SliceStore, *arguments: Any
        ) -> tuple[bool, Mapping[int, str]]:
            answer = advance(store, *arguments)
            small.once()
            return answer

        monkeypatch.setattr(SliceStore, "advance", launch_small_meanwhile)
        for _turn in range(40):  # a slow machine needs some for the small one
            deliver_slice(0)
            if small.finished:
                break

    assert small.finished
    big.refresh_from_db()
    assert big.status == RunStatus.RUNNING
    assert count_states(big).accepted < 10_000
    assert audit_run(big) == []


class Launch:
    """A launch that happens in the middle of something else."""

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments
        self._run: Run | None = None

    def once(self) -> None:
        if self._run is None:
            self._run = start(*self._arguments)

    @property
    def finished(self) -> bool:
        assert self._run
        self._run.refresh_from_db()
        return self._run.status == RunStatus.COMPLETED
