"""Several servers of one sender: shares, and what happens when one fails (SMTP-15)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from contextlib import ExitStack

import pytest
from django.conf import LazySettings
from django.utils import timezone

from mailcore.engine.types import RelayTrouble
from mailcore.smtp.sink import Script, Step, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery.driver import drive_run
from pochtar.delivery.ledger import audit_run, count_states
from pochtar.delivery.models import Attempt, Relay, RunStatus
from pochtar.delivery.ways import DOWN_MINUTES, find_hold, set_aside, welcome_back
from tests.make import make_relay
from tests.pochtar.delivery.launching import launch_over, make_people

pytestmark = pytest.mark.django_db
REFUSED = RelayTrouble(code="connect_refused", stage="connect")


def test_a_server_that_fails_is_set_aside_and_another_takes_over(
    workspace: Workspace,
) -> None:
    """SMTP-15"""
    make_people(workspace, 30)
    with sink_in_thread() as gone:
        down = make_relay(workspace, port=gone.port)
    with sink_in_thread() as sink:
        run = launch_over(
            workspace, down, make_relay(workspace, port=sink.port), shares=(5, 0)
        )
        run = drive_run(run)

    down.refresh_from_db()
    assert (run.status, count_states(run).accepted) == (RunStatus.COMPLETED, 30)
    assert (down.down_count, down.down_code) == (1, "connect_refused")
    assert down.down_until
    assert 50 < (down.down_until - timezone.now()).total_seconds() <= 60
    assert audit_run(run) == []


def test_a_refused_login_counts_as_the_servers_trouble(workspace: Workspace) -> None:
    """SMTP-15"""
    make_people(workspace, 3)
    script = Script(steps={"mail": Step("530 5.7.0 authentication required")})
    with sink_in_thread(script) as shy, sink_in_thread() as sink:
        first = make_relay(workspace, port=shy.port)
        second = make_relay(workspace, port=sink.port)
        run = drive_run(launch_over(workspace, first, second, shares=(1, 0)))

    assert run.status == RunStatus.COMPLETED
    assert Relay.objects.get(pk=first.pk).down_code == "login_wanted"
    assert len(sink.accepted) == 3  # what the first one refused was put back
    assert count_states(run).accepted == 3


def test_when_none_is_left_the_run_pauses_with_the_reason(workspace: Workspace) -> None:
    make_people(workspace, 3)
    with sink_in_thread() as gone, sink_in_thread() as too:
        relays = [make_relay(workspace, port=one.port) for one in (gone, too)]
    run = drive_run(launch_over(workspace, *relays, shares=(1, 1)))

    assert (run.status, run.pause_code) == (RunStatus.PAUSED, "connect_refused")
    assert count_states(run).pending == 3


def test_the_shares_decide_who_takes_how_much(
    workspace: Workspace, settings: LazySettings
) -> None:
    settings.DELIVERY_SLICE_SIZE = 4
    make_people(workspace, 200)
    with ExitStack() as stack:
        sinks = [stack.enter_context(sink_in_thread()) for _ in range(3)]
        relays = [make_relay(workspace, port=sink.port) for sink in sinks]
        run = drive_run(launch_over(workspace, *relays, shares=(3, 1, 0)))

    much, less, none = (len(sink.accepted) for sink in sinks)
    assert much + less == 200
    assert none == 0
    assert much > less > 0
    # The attempts say which server it was.
    ports = Counter(Attempt.objects.filter(run=run).values_list("host", flat=True))
    assert ports == {"127.0.0.1": 200}


def test_the_time_aside_grows_and_ends_with_success(workspace: Workspace) -> None:
    """SMTP-15: 1, 2, 5, 15, 30 minutes; one probe ends it."""
    make_people(workspace, 1)
    relay, other = make_relay(workspace), make_relay(workspace)
    run = launch_over(workspace, relay, other, shares=(1, 1))
    now = timezone.now()
    aside = []
    for _ in range(6):
        relay.refresh_from_db()
        assert set_aside(run, relay, REFUSED, now=now)
        relay.refresh_from_db()
        assert relay.down_until
        aside.append((relay.down_until - now).total_seconds() / 60)
    assert aside == [*DOWN_MINUTES, 30]

    welcome_back(relay)
    relay.refresh_from_db()
    assert (relay.down_count, relay.down_until) == (0, None)


def test_two_workers_that_meet_the_same_trouble_count_it_once(
    workspace: Workspace,
) -> None:
    make_people(workspace, 1)
    relay, other = make_relay(workspace), make_relay(workspace)
    run = launch_over(workspace, relay, other, shares=(1, 1))
    seen = Relay.objects.get(pk=relay.pk)

    for _ in range(2):
        assert set_aside(run, seen, REFUSED, now=timezone.now())

    relay.refresh_from_db()
    assert relay.down_count == 1


def test_a_server_without_a_deputy_is_never_set_aside(workspace: Workspace) -> None:
    make_people(workspace, 1)
    relay = make_relay(workspace)
    run = launch_over(workspace, relay, shares=(1,))

    assert not set_aside(run, relay, REFUSED, now=timezone.now())
    relay.down_until = timezone.now() + dt.timedelta(hours=1)  # by another mailing
    relay.save()
    assert find_hold(run, "", now=timezone.now()) is None


def test_one_servers_day_limit_leaves_the_rest_to_the_other(
    workspace: Workspace, settings: LazySettings
) -> None:
    settings.DELIVERY_SLICE_SIZE = 5
    make_people(workspace, 40)
    with sink_in_thread() as small, sink_in_thread() as big:
        relays = [
            make_relay(workspace, port=small.port, per_day=7),
            make_relay(workspace, port=big.port),
        ]
        run = drive_run(launch_over(workspace, *relays, shares=(100, 1)))

    assert run.status == RunStatus.COMPLETED
    assert len(small.accepted) <= 7
    assert len(small.accepted) + len(big.accepted) == 40
