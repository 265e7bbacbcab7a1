"""What a slice need not ask again, and that changes are heard within a second."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mailcore.smtp.sink import Script, Sink, Step, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery import driver, runs
from pochtar.delivery.desk import Desk
from pochtar.delivery.driver import drive_run, drive_slice
from pochtar.delivery.ledger import audit_run, count_states
from pochtar.delivery.models import ProviderRule, Relay, Run, RunStatus, Slice
from pochtar.delivery.runs import lease_slice, pause_run, ready_slices
from tests.pochtar.delivery.launching import launch, make_people

pytestmark = pytest.mark.django_db
SIZE = 10


@pytest.fixture(autouse=True)
def _small_slices(settings: LazySettings) -> None:
    settings.DELIVERY_SLICE_SIZE = SIZE


def queries_of(run: Run, desk: Desk) -> int:
    with CaptureQueriesContext(connection) as captured:
        report = drive_slice(run, desk=desk)
    assert report
    assert report.done
    return len(captured)


def test_the_slices_that_follow_ask_little(workspace: Workspace) -> None:
    make_people(workspace, 3 * SIZE)
    desk = Desk()
    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        first = queries_of(run, desk)
        desk._until += 60  # the machine may be slow
        second = queries_of(run, desk)
        desk.forget()
        third = queries_of(run, desk)

    assert second <= first - 10
    assert third >= second + 10
    connections = Slice.objects.filter(run=run).values_list("connections", flat=True)
    assert list(connections) == [5, 5, 5]
    assert audit_run(run) == []


def test_where_connections_are_counted_every_slice_asks(workspace: Workspace) -> None:
    """PRV-03"""
    make_people(workspace, 2 * SIZE)
    desk = Desk()
    with sink_in_thread() as sink:
        run = launch(workspace, sink, relay={"max_connections": 3})
        first = queries_of(run, desk)
        desk._until += 60
        second = queries_of(run, desk)

    assert second > first - 5


def test_another_provider_is_asked_about_by_itself(workspace: Workspace) -> None:
    """PRV-04"""
    make_people(workspace, SIZE)
    ProviderRule.objects.create(workspace=workspace, provider="gmail", connections=1)
    desk = Desk()
    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        Slice.objects.filter(run=run).update(provider="gmail")
        queries_of(run, desk)

    assert desk.find("gmail") is None
    assert desk.find("") is None
    assert Slice.objects.get(run=run).connections == 1


def test_a_changed_server_is_heard_within_a_second(workspace: Workspace) -> None:
    make_people(workspace, 40 * SIZE)
    script = Script(steps={"dot": Step(delay=0.05)})
    with sink_in_thread(script) as sink, sink_in_thread() as other:
        run = launch(workspace, sink)
        moved: list[int] = []

        def move(batch: object) -> None:
            if not moved and sink.taken >= SIZE:
                moved.append(sink.taken)
                Relay.objects.filter(pk=run.relay_id).update(port=other.port)

        run = drive_run(run, on_recorded=move)

    assert run.status == RunStatus.COMPLETED
    # 5 connections, 20 letters a second each.
    assert sink.taken <= moved[0] + 250
    assert sink.taken + other.taken == 40 * SIZE


def test_between_two_slices_a_pause_holds_at_once(workspace: Workspace) -> None:
    """SMTP-26"""
    make_people(workspace, 3 * SIZE)
    desk = Desk()
    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        queries_of(run, desk)
        pause_run(run, code="by_hand")
        assert drive_slice(run, desk=desk) is None

    assert desk.is_old
    assert count_states(run).pending == 2 * SIZE


def test_past_the_time_to_stop_no_further_slice_begins(workspace: Workspace) -> None:
    """However young what is on the desk is."""
    make_people(workspace, 3 * SIZE)
    with sink_in_thread() as sink:
        run = launch(workspace, sink, stop_at=timezone.now() + dt.timedelta(hours=1))
        begun: list[int] = []

        def stop(batch: object) -> None:
            if not begun:
                begun.append(sink.taken)
                current.stop_at = timezone.now()
                Run.objects.filter(pk=run.pk).update(stop_at=current.stop_at)

        with pytest.MonkeyPatch.context() as patch:
            fresh = driver._fresh
            current = fresh(run)
            patch.setattr(driver, "_fresh", lambda _run: current)
            run = drive_run(run, on_recorded=stop)

    assert begun
    assert sink.taken <= 2 * SIZE
    assert count_states(run).skipped >= SIZE
    assert audit_run(run) == []


def test_a_slice_that_another_has_moved_meanwhile_is_read_again(
    workspace: Workspace,
) -> None:
    """SMTP-22: what was read before the lease was won must still be so."""
    make_people(workspace, 2 * SIZE)
    run = launch(workspace, Sink(port=25))
    first, second = Slice.objects.filter(run=run).order_by("first_position")
    Slice.objects.filter(pk=first.pk).update(cursor=4)

    assert not runs._lease(run, first, uuid.uuid4(), timezone.now())
    leased = lease_slice(run)
    assert leased
    assert (leased.pk, leased.cursor) == (first.pk, 4)
    assert Slice.objects.get(pk=leased.pk).lease_token == leased.lease_token
    assert count_states(run).unknown == 4
    assert [one.pk for one in ready_slices(timezone.now())] == [second.pk]
