"""A nudge is sent when the transaction is committed, and may be lost."""

from __future__ import annotations

import pytest
from django.db import transaction
from kombu.exceptions import OperationalError

from pochtar.base.queue import nudge


class Recorder:
    """A task that remembers, or whose broker is away."""

    name = "tests.recorder"

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.error = error

    def delay(self, *args: object) -> object:
        if self.error:
            raise self.error
        self.calls.append(args)
        return None


@pytest.mark.django_db(transaction=True)
def test_a_nudge_waits_for_the_commit() -> None:
    task = Recorder()

    with transaction.atomic():
        nudge(task, 7)
        assert task.calls == []

    assert task.calls == [(7,)]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_nudges_nobody() -> None:
    task = Recorder()

    with transaction.atomic():
        nudge(task, 7)
        transaction.set_rollback(True)

    assert task.calls == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError("away"), ConnectionError("away")])
def test_a_broker_that_is_away_stops_nobody(error: Exception) -> None:
    nudge(Recorder(error), 7)


@pytest.mark.django_db(transaction=True)
def test_a_bug_in_sending_is_not_hidden() -> None:
    with pytest.raises(TypeError):
        nudge(Recorder(TypeError("bug")), 7)
