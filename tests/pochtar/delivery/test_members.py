"""Who is in a slice that tries again."""

from __future__ import annotations

import pytest
from django.utils import timezone

from mailcore.smtp.sink import Sink
from pochtar.accounts.models import Workspace
from pochtar.delivery.ledger import count_states, recount_states
from pochtar.delivery.members import members_of
from pochtar.delivery.models import Attempt, Delivery, Outcome, Run, Slice, SliceStatus
from pochtar.delivery.outbox import SliceStore
from pochtar.delivery.recording import attempts_without_server, record_attempts
from pochtar.delivery.runs import lease_slice, recover_lease
from tests.pochtar.delivery.launching import launch, make_people

pytestmark = pytest.mark.django_db
COUNT = 10


@pytest.fixture
def run(workspace: Workspace) -> Run:
    """A run that has tried everybody once: 2, 3, 5, 8 deferred, 4 failed."""
    make_people(workspace, COUNT)
    run = launch(workspace, Sink(port=25))
    deferred, failed = (2, 3, 5, 8), (4,)
    accepted = set(range(1, COUNT + 1)) - {*deferred, *failed}
    record(run, Outcome.DEFERRED, *deferred)
    record(run, Outcome.FAILED, *failed)
    record(run, Outcome.ACCEPTED, *accepted)
    Slice.objects.filter(run=run).update(status=SliceStatus.DONE, cursor=COUNT)
    return run


def record(
    run: Run, outcome: Outcome, *positions: int, number: int = 1, source: str = ""
) -> None:
    rows = Delivery.objects.filter(run=run, position__in=positions)
    attempts = attempts_without_server(
        rows.values_list("pk", flat=True),
        outcome=outcome,
        reason="test",
        at=timezone.now(),
    )
    record_attempts(run, attempts, number=number, source=source)


def again(run: Run, *, source: str = "deferred", number: int = 2) -> Slice:
    # Only one slice of a range is open at a time.
    Slice.objects.filter(run=run).update(status=SliceStatus.DONE)
    return Slice.objects.create(
        run=run,
        first_position=1,
        last_position=COUNT,
        cursor=0,
        attempt_number=number,
        source=source,
    )


def positions(slice_: Slice, *, after: int = 0, up_to: int = COUNT) -> list[int]:
    members = members_of(slice_, after=after, up_to=up_to).order_by("position")
    return list(members.values_list("position", flat=True))


def test_only_those_whose_last_attempt_ended_so_are_tried_again(run: Run) -> None:
    """SMTP-19"""
    assert positions(again(run)) == [2, 3, 5, 8]
    assert positions(again(run, source="failed", number=3)) == [4]
    assert positions(again(run, source="unknown", number=4)) == []


def test_who_was_tried_meanwhile_is_not_in_it_any_more(run: Run) -> None:
    slice_ = again(run)
    record(run, Outcome.ACCEPTED, 2, number=2, source="deferred")
    record(run, Outcome.DEFERRED, 3, number=2, source="deferred")

    assert positions(slice_) == [5, 8]
    assert positions(again(run, number=3)) == [3, 5, 8]


def test_such_a_slice_is_read_page_by_page_behind_its_cursor(run: Run) -> None:
    again(run)
    slice_ = lease_slice(run)
    assert slice_
    store = SliceStore(run, slice_, names=frozenset())
    lease = store.lease()

    first = [item.position for item in store.read(lease, 0, 3)]
    rest = [item.position for item in store.read(lease, first[-1], 3)]

    assert (first, rest) == ([2, 3, 5], [8])
    item = store.read(lease, 0, 1)[0]
    assert (item.email, item.skip) == ("r0002@example.com", "")


def test_only_members_become_unknown_when_its_holder_dies(run: Run) -> None:
    """SMTP-24"""
    again(run)
    slice_ = lease_slice(run)
    assert slice_
    store = SliceStore(run, slice_, names=frozenset())
    store.advance(store.lease(), [], 5)

    slice_.refresh_from_db()
    assert recover_lease(slice_, now=timezone.now())

    tried = Attempt.objects.filter(run=run, number=2)
    assert set(tried.values_list("delivery__position", "outcome")) == {
        (2, "unknown"),
        (3, "unknown"),
        (5, "unknown"),
    }
    counts = count_states(run)
    assert counts == recount_states(run)
    assert (counts.deferred, counts.unknown) == (1, 3)
