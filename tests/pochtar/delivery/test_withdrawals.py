"""Who leaves while a mailing runs gets nothing more of it (MSG-25)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mailcore.engine.types import Item, Result
from mailcore.smtp.sink import Sink, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.accounts.services import note_departure
from pochtar.delivery.driver import drive_run
from pochtar.delivery.ledger import audit_run, count_states
from pochtar.delivery.models import Attempt
from pochtar.delivery.outbox import SliceStore
from pochtar.delivery.runs import lease_slice
from pochtar.recipients.bulk import delete_selected
from pochtar.recipients.leaving import unsubscribe_recipient
from pochtar.recipients.models import Recipient, UnsubscribedVia
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection
from pochtar.recipients.stoplist import StopEntry, stop_batch
from tests.make import make_recipient
from tests.pochtar.delivery.launching import launch, make_people

pytestmark = pytest.mark.django_db
PAGE = UnsubscribedVia.PAGE


def unsubscribe(people: Sequence[Recipient]) -> None:
    for one in people:
        unsubscribe_recipient(one, via=PAGE)


def delete(people: Sequence[Recipient]) -> None:
    workspace = people[0].workspace
    ids = frozenset(one.pk for one in people)
    owner = workspace.participants.get()
    delete_selected(Selection(search=Search(workspace=workspace), ids=ids), by=owner)


def stop(people: Sequence[Recipient]) -> None:
    """Put them on the stop list, all in one."""
    workspace = people[0].workspace
    owner = workspace.participants.get()
    entries = [StopEntry(email=one.email) for one in people]
    stop_batch(workspace, entries, by=owner)


def doubt(people: Sequence[Recipient]) -> None:
    """Take back on what ground they were written to."""
    ids = [one.pk for one in people]
    Recipient.objects.filter(pk__in=ids).update(basis="")
    note_departure(people[0].workspace)


@pytest.mark.parametrize(
    ("go", "reason"),
    [
        (unsubscribe, "unsubscribed"),
        (delete, "recipient_deleted"),
        (stop, "suppressed"),
        (doubt, "no_consent"),
    ],
)
def test_nobody_who_leaves_during_a_run_is_written_to_afterwards(
    workspace: Workspace,
    settings: LazySettings,
    go: Callable[[Sequence[Recipient]], None],
    reason: str,
) -> None:
    """MSG-25, BNC-07, LAW-02: all of them are read ahead already, in one page"""
    settings.DELIVERY_CONNECTIONS, settings.DELIVERY_CHUNK_PER_CONNECTION = 1, 4
    people = make_people(workspace, 60)
    leavers = people[20:]
    gone: list[int] = []

    def on_recorded(batch: Sequence[Result]) -> None:
        if not gone:
            gone.append(len(sink.accepted))
            go(leavers)

    with sink_in_thread() as sink:
        run = drive_run(launch(workspace, sink), on_recorded=on_recorded)

    written = {one.rcpt_to for one in sink.accepted}
    assert gone[0] < 20
    assert written == {one.email for one in people[:20]}
    assert set(Attempt.objects.filter(outcome="skipped").values_list("reason")) == {
        (reason,)
    }
    assert (count_states(run).accepted, count_states(run).skipped) == (20, 40)
    assert audit_run(run) == []


def test_who_has_left_before_the_page_is_read_is_skipped(workspace: Workspace) -> None:
    """MSG-25"""
    people = make_people(workspace, 3)
    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        unsubscribe(people[1:2])
        drive_run(run)

    assert len(sink.accepted) == 2
    assert Attempt.objects.get(outcome="skipped").reason == "unsubscribed"


def test_law_02_who_is_unconfirmed_is_skipped_in_a_mixed_audience(
    workspace: Workspace,
) -> None:
    """LAW-02"""
    people = make_people(workspace, 3)
    unconfirmed = make_recipient(workspace, "u@example.com", basis="")
    with sink_in_thread() as sink:
        run = drive_run(launch(workspace, sink))

    assert {one.rcpt_to for one in sink.accepted} == {one.email for one in people}
    skipped = Attempt.objects.get(outcome="skipped")
    assert (skipped.delivery.recipient, skipped.reason) == (unconfirmed, "no_consent")
    assert (count_states(run).selected, count_states(run).skipped) == (4, 1)
    assert audit_run(run) == []


def test_of_several_reasons_the_persons_own_wish_is_told(workspace: Workspace) -> None:
    person = make_recipient(workspace, basis="", suppressed=True)
    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        unsubscribe([person])
        drive_run(run)

    assert Attempt.objects.get().reason == "unsubscribed"


class TestStore:
    @pytest.fixture(autouse=True)
    def _store(self, workspace: Workspace) -> None:
        self.people = make_people(workspace, 6)
        run = launch(workspace, Sink(port=25))
        slice_ = lease_slice(run)
        assert slice_
        self.store = SliceStore(run, slice_, names=frozenset())

    def read(self, after: int, limit: int) -> list[Item]:
        return self.store.read(self.store.lease(), after, limit)

    def advance(self, cursor: int) -> dict[int, str]:
        return dict(self.store.advance(self.store.lease(), [], cursor)[1])

    def test_a_departure_is_told_once_for_all_that_was_read(self) -> None:
        self.read(0, 2)
        self.read(2, 2)
        assert self.advance(1) == {}

        unsubscribe([self.people[0], self.people[3], self.people[5]])

        assert self.advance(2) == {1: "unsubscribed", 4: "unsubscribed"}
        assert self.advance(3) == {}
        assert [item.skip for item in self.read(4, 2)] == ["", "unsubscribed"]

    def test_a_later_departure_is_told_too(self) -> None:
        self.read(0, 6)
        unsubscribe(self.people[:1])
        self.advance(1)
        unsubscribe(self.people[5:])

        assert self.advance(2) == {1: "unsubscribed", 6: "unsubscribed"}

    def test_nothing_is_asked_twice_while_nobody_leaves(self) -> None:
        self.read(0, 6)
        with CaptureQueriesContext(
            connection,
        ) as before:
            self.advance(1)
        unsubscribe(self.people[:1])
        with CaptureQueriesContext(connection) as after:
            self.advance(2)

        assert len(after) == len(before) + 1
