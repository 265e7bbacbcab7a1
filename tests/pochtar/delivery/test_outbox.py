"""One set of promises for every outbox: the double's and the database's.

On PostgreSQL the same tests run when the suite does (TEST_DATABASE_URL).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import pytest
from django.utils import timezone

from mailcore.engine.ports import Outbox
from mailcore.engine.testing import MemoryOutbox
from mailcore.engine.types import Item, Lease, LeaseLost, OutcomeClass, Result
from mailcore.smtp.sink import Sink
from pochtar.accounts.models import Workspace
from pochtar.delivery.bridge import Bridge
from pochtar.delivery.driver import never
from pochtar.delivery.ledger import STATES, audit_run, count_states, recount_states
from pochtar.delivery.models import Run, Slice
from pochtar.delivery.outbox import OrmOutbox, SliceStore
from pochtar.delivery.runs import lease_slice, recover_lease
from tests.pochtar.delivery.launching import launch, make_people

COUNT = 30
Scenario = Callable[[Outbox, Lease], Coroutine[Any, Any, Any]]


class Store(Protocol):
    """What a test needs beside the outbox: leases, and a look at the states."""

    def lease(self) -> Lease: ...
    def take_over(self) -> Lease: ...
    def states(self) -> dict[str, int]: ...
    def play(self, scenario: Scenario, lease: Lease) -> Any: ...


class MemoryStore:
    def __init__(self) -> None:
        self.outbox = MemoryOutbox(
            Item(delivery_id=n, position=n, email=f"r{n:04d}@example.com")
            for n in range(1, COUNT + 1)
        )

    def lease(self) -> Lease:
        return self.outbox.lease()

    take_over = lease

    def states(self) -> dict[str, int]:
        return self.outbox.states()

    def play(self, scenario: Scenario, lease: Lease) -> Any:
        return asyncio.run(scenario(self.outbox, lease))


class OrmStore:
    def __init__(self, run: Run) -> None:
        self.run = run
        self.store: SliceStore | None = None

    def lease(self) -> Lease:
        slice_ = lease_slice(self.run)
        assert slice_
        self.store = SliceStore(self.run, slice_, names=frozenset())
        return self.store.lease()

    def take_over(self) -> Lease:
        held = Slice.objects.select_related("run").get(run=self.run)
        assert recover_lease(held, now=timezone.now())
        return self.lease()

    def states(self) -> dict[str, int]:
        counts = count_states(self.run)
        assert counts == recount_states(self.run)
        assert audit_run(self.run) == []
        return {name: getattr(counts, name) for name in STATES}

    def play(self, scenario: Scenario, lease: Lease) -> Any:
        assert self.store
        bridge: Bridge[Any] = Bridge()
        outbox = OrmOutbox(bridge, self.store)
        return bridge.serve(scenario(outbox, lease), stopped=never)


@pytest.fixture(params=["memory", "database"])
def store(request: pytest.FixtureRequest, workspace: Workspace) -> Store:
    if request.param == "memory":
        return MemoryStore()
    make_people(workspace, COUNT)
    return OrmStore(launch(workspace, Sink(port=25)))


def result(item: Item, outcome: OutcomeClass = OutcomeClass.ACCEPTED) -> Result:
    return Result(
        delivery_id=item.delivery_id,
        position=item.position,
        outcome=outcome,
        at=timezone.now(),
    )


def figures(store: Store) -> dict[str, int]:
    return {name: count for name, count in store.states().items() if count}


def test_items_come_in_order_and_page_by_page(store: Store) -> None:
    async def scenario(outbox: Outbox, lease: Lease) -> list[int]:
        first = await outbox.read(lease, after=0, limit=4)
        more = await outbox.read(lease, after=4, limit=100)
        return [item.position for item in (*first, *more)]

    assert store.play(scenario, store.lease()) == list(range(1, COUNT + 1))


def test_the_intent_shows_as_sending_and_results_as_they_are(store: Store) -> None:
    """SMTP-22"""

    async def scenario(outbox: Outbox, lease: Lease) -> None:
        items = await outbox.read(lease, after=0, limit=10)
        await outbox.advance(lease, results=[], cursor=6)
        done = [result(items[0]), result(items[3], OutcomeClass.FAILED)]
        await outbox.advance(lease, results=done, cursor=10)

    store.play(scenario, store.lease())

    assert figures(store) == {
        "pending": COUNT - 10,
        "sending": 8,
        "accepted": 1,
        "failed": 1,
    }


def test_a_release_may_take_the_intent_back(store: Store) -> None:
    async def scenario(outbox: Outbox, lease: Lease) -> None:
        items = await outbox.read(lease, after=0, limit=10)
        await outbox.advance(lease, results=[], cursor=10)
        await outbox.release(lease, results=[result(items[0])], cursor=1, done=False)

    store.play(scenario, store.lease())
    assert figures(store) == {"pending": COUNT - 1, "accepted": 1}

    lease = store.lease()
    assert lease.cursor == 1


def test_what_a_dead_holder_left_behind_the_cursor_becomes_unknown(
    store: Store,
) -> None:
    """SMTP-24"""

    async def scenario(outbox: Outbox, lease: Lease) -> None:
        items = await outbox.read(lease, after=0, limit=3)
        await outbox.advance(lease, results=[], cursor=3)
        await outbox.advance(lease, results=[result(items[1])], cursor=5)

    store.play(scenario, store.lease())
    lease = store.take_over()

    assert lease.cursor == 5
    assert figures(store) == {"pending": COUNT - 5, "accepted": 1, "unknown": 4}


def test_who_has_lost_the_lease_changes_nothing(store: Store) -> None:
    """SMTP-26"""

    async def late(outbox: Outbox, lease: Lease) -> None:
        items = await outbox.read(lease, after=0, limit=1)
        with pytest.raises(LeaseLost):
            await outbox.advance(lease, results=[result(items[0])], cursor=9)
        with pytest.raises(LeaseLost):
            await outbox.release(lease, results=[], cursor=0, done=True)

    old = store.lease()
    store.take_over()
    store.play(late, old)

    assert figures(store) == {"pending": COUNT}


def test_a_finished_slice_is_not_leased_again(store: Store) -> None:
    async def scenario(outbox: Outbox, lease: Lease) -> None:
        items = await outbox.read(lease, after=0, limit=COUNT)
        await outbox.advance(lease, results=[], cursor=COUNT)
        everything = [result(item) for item in items]
        await outbox.release(lease, results=everything, cursor=COUNT, done=True)

    store.play(scenario, store.lease())

    assert figures(store) == {"accepted": COUNT}
    if isinstance(store, OrmStore):
        assert lease_slice(store.run) is None


@pytest.mark.django_db(transaction=True)
def test_nobody_is_recorded_twice_in_one_try(store: Store) -> None:
    async def scenario(outbox: Outbox, lease: Lease) -> None:
        items = await outbox.read(lease, after=0, limit=1)
        await outbox.advance(lease, results=[result(items[0])], cursor=1)
        with pytest.raises(Exception, match=r"(?i)unique|twice"):
            await outbox.advance(lease, results=[result(items[0])], cursor=1)

    store.play(scenario, store.lease())

    assert figures(store) == {"pending": COUNT - 1, "accepted": 1}
