"""No attempt is left without its delivery, though no database looks (ADR 1)."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone

from mailcore.engine.types import Item, LeaseLost, OutcomeClass, Result
from mailcore.smtp.sink import Sink
from pochtar.accounts.models import Workspace
from pochtar.delivery.models import Attempt, Delivery, Run, Slice, Tally
from pochtar.delivery.outbox import SliceStore
from pochtar.delivery.removal import count_orphans, delete_runs
from pochtar.delivery.runs import lease_slice
from tests.make import make_workspace
from tests.pochtar.delivery.launching import launch, make_people

COUNT = 6


def result(item: Item, outcome: OutcomeClass = OutcomeClass.ACCEPTED) -> Result:
    return Result(
        delivery_id=item.delivery_id,
        position=item.position,
        outcome=outcome,
        at=timezone.now(),
    )


def begin(run: Run) -> tuple[SliceStore, list[Item]]:
    """Lease the run's slice, read it, and record the first letter."""
    slice_ = lease_slice(run)
    assert slice_
    store = SliceStore(run, slice_, names=frozenset())
    items = store.read(store.lease(), 0, COUNT)
    store.advance(store.lease(), [], 4)
    store.advance(store.lease(), [result(items[0])], 4)
    return store, items


def assert_nothing_is_left() -> None:
    for kind in (Attempt, Tally, Slice, Delivery, Run):
        assert not kind.objects.exists(), kind
    assert count_orphans() == 0


@pytest.mark.django_db
def test_a_worker_in_the_middle_of_a_slice_records_nothing_more(
    workspace: Workspace,
) -> None:
    """SMTP-22"""
    make_people(workspace, COUNT)
    run = launch(workspace, Sink(port=25))
    store, items = begin(run)

    delete_runs(Run.objects.filter(pk=run.pk))

    with pytest.raises(LeaseLost):
        store.advance(store.lease(), [result(items[1])], 5)
    with pytest.raises(LeaseLost):
        store.release(store.lease(), [result(items[1])], COUNT, True)
    assert_nothing_is_left()


@pytest.mark.django_db
def test_other_runs_keep_their_ledger(workspace: Workspace) -> None:
    make_people(workspace, COUNT)
    run = launch(workspace, Sink(port=25))
    other = make_workspace()
    make_people(other, COUNT)
    begin(kept := launch(other, Sink(port=25)))

    delete_runs(Run.objects.filter(pk=run.pk))

    assert [one.pk for one in Run.objects.all()] == [kept.pk]
    assert (
        Delivery.objects.filter(run=kept).count() == Delivery.objects.count() == COUNT
    )
    assert Attempt.objects.filter(run=kept).count() == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
@pytest.mark.django_db(transaction=True)
def test_a_slice_that_ends_while_its_run_is_deleted_leaves_nothing_behind() -> None:
    """Its later slice, and its last attempts, are committed after the deletion began."""
    workspace = make_workspace()
    make_people(workspace, COUNT)
    run = launch(workspace, Sink(port=25))
    store, items = begin(run)
    written, waits = threading.Event(), threading.Event()

    def end() -> None:
        try:
            with transaction.atomic():
                deferred = [result(one, OutcomeClass.DEFERRED) for one in items[1:]]
                store.release(store.lease(), deferred, COUNT, True)
                assert Slice.objects.filter(run=run, source="deferred").exists()
                written.set()
                waits.wait(1)
        finally:
            connection.close()

    worker = threading.Thread(target=end)
    worker.start()
    assert written.wait(10)
    delete_runs(Run.objects.filter(pk=run.pk))
    waits.set()
    worker.join(10)

    assert_nothing_is_left()
