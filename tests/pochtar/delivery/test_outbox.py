"""One set of promises for every outbox: the double's and the database's.

On PostgreSQL the same tests run when the suite does (TEST_DATABASE_URL).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import pytest
from django.db import connection
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
from pochtar.delivery.runs import lease_slice, pause_run, recover_lease
from pochtar.recipients.models import Recipient
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


class TestOutbox:
    """What every outbox promises, whatever keeps its rows."""

    def test_items_come_in_order_and_page_by_page(self, store: Store) -> None:
        async def scenario(outbox: Outbox, lease: Lease) -> list[int]:
            first = await outbox.read(lease, after=0, limit=4)
            more = await outbox.read(lease, after=4, limit=100)
            return [item.position for item in (*first, *more)]

        assert store.play(scenario, store.lease()) == list(range(1, COUNT + 1))

    def test_the_intent_shows_as_sending_and_results_as_they_are(
        self, store: Store
    ) -> None:
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

    def test_a_release_may_take_the_intent_back(self, store: Store) -> None:
        async def scenario(outbox: Outbox, lease: Lease) -> None:
            items = await outbox.read(lease, after=0, limit=10)
            await outbox.advance(lease, results=[], cursor=10)
            await outbox.release(
                lease, results=[result(items[0])], cursor=1, done=False
            )

        store.play(scenario, store.lease())
        assert figures(store) == {"pending": COUNT - 1, "accepted": 1}

        lease = store.lease()
        assert lease.cursor == 1

    def test_what_a_dead_holder_left_behind_the_cursor_becomes_unknown(
        self, store: Store
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

    def test_who_has_lost_the_lease_changes_nothing(self, store: Store) -> None:
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

    def test_a_finished_slice_is_not_leased_again(self, store: Store) -> None:
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
    def test_nobody_is_recorded_twice_in_one_try(self, store: Store) -> None:
        async def scenario(outbox: Outbox, lease: Lease) -> None:
            items = await outbox.read(lease, after=0, limit=1)
            await outbox.advance(lease, results=[result(items[0])], cursor=1)
            with pytest.raises(Exception, match=r"(?i)unique|twice"):
                await outbox.advance(lease, results=[result(items[0])], cursor=1)

        store.play(scenario, store.lease())

        assert figures(store) == {"pending": COUNT - 1, "accepted": 1}

    def test_a_batch_is_recorded_whole_or_not_at_all(self, store: Store) -> None:
        """SMTP-22"""

        async def late(outbox: Outbox, lease: Lease) -> None:
            items = await outbox.read(lease, after=0, limit=3)
            with pytest.raises(LeaseLost):
                await outbox.advance(lease, results=list(map(result, items)), cursor=3)

        async def scenario(outbox: Outbox, lease: Lease) -> None:
            items = await outbox.read(lease, after=0, limit=3)
            await outbox.advance(lease, results=[], cursor=3)
            await outbox.advance(lease, results=list(map(result, items)), cursor=3)

        old = store.lease()
        new = store.take_over()
        store.play(late, old)
        store.play(scenario, new)

        assert figures(store) == {"pending": COUNT - 3, "accepted": 3}

    def test_behind_the_last_position_there_is_nothing_to_read(
        self, store: Store
    ) -> None:
        async def scenario(outbox: Outbox, lease: Lease) -> list[Item]:
            return [*await outbox.read(lease, after=COUNT, limit=10)]

        assert store.play(scenario, store.lease()) == []


class TestDatabase:
    """What only the database can be asked."""

    @pytest.fixture
    def run(self, workspace: Workspace) -> Run:
        make_people(workspace, 3, attributes={"city": "Тверь", "note": "–"})
        return launch(workspace, Sink(port=25))

    def leased(self, run: Run, *names: str) -> SliceStore:
        slice_ = lease_slice(run)
        assert slice_
        return SliceStore(run, slice_, names=frozenset(names))

    def test_an_item_has_only_what_the_letter_uses(self, run: Run) -> None:
        """MSG-20"""
        store = self.leased(run, "city", "email", "unheard_of")
        first, *_ = store.read(store.lease(), 0, 10)

        assert first.values == {
            "email": "r0001@example.com",
            "full_name": "Анна Петрова",
            "city": "Тверь",
        }

    def test_who_was_deleted_is_read_as_skipped(self, run: Run) -> None:
        """MSG-25"""
        Recipient.objects.filter(email="r0002@example.com").delete()
        store = self.leased(run, "city")
        skips = [item.skip for item in store.read(store.lease(), 0, 10)]

        assert skips == ["", "recipient_deleted", ""]
        deleted = store.read(store.lease(), 1, 1)[0]
        assert (deleted.email, deleted.name) == ("r0002@example.com", "")
        assert deleted.values == {"email": "r0002@example.com", "full_name": ""}

    def test_moving_on_tells_whether_the_run_still_goes(self, run: Run) -> None:
        """SMTP-26"""
        store = self.leased(run)
        lease = store.lease()

        goes_on, _withdrawn = store.advance(lease, [], 1)
        assert goes_on
        assert pause_run(run, code="by_hand")
        goes_on, _withdrawn = store.advance(lease, [], 2)
        assert not goes_on
        assert Slice.objects.get(run=run).cursor == 2

    def test_past_the_time_to_stop_it_does_not_go_on(self, run: Run) -> None:
        run.stop_at = timezone.now()
        store = self.leased(run)

        goes_on, _withdrawn = store.advance(store.lease(), [], 1)
        assert not goes_on

    def test_a_release_gives_the_lease_up(self, run: Run) -> None:
        store = self.leased(run)
        store.release(store.lease(), [], 0, False)

        held = Slice.objects.get(run=run)
        assert (held.status, held.lease_token, held.leased_by) == ("ready", None, "")

    def test_a_batch_takes_few_round_trips(
        self, run: Run, django_assert_num_queries: Any
    ) -> None:
        store = self.leased(run)
        lease = store.lease()
        with django_assert_num_queries(2):  # how many have left is asked once a slice
            items = store.read(lease, 0, 10)
        with django_assert_num_queries(1):
            store.read(lease, 3, 10)
        # PostgreSQL's only one passes Django's cursor by; a savepoint is two.
        trips = 0 if connection.vendor == "postgresql" else 5
        with django_assert_num_queries(trips):
            store.advance(lease, [result(item) for item in items], 3)
