"""Limits over a real socket: of a server, of a provider, and beside other mailings."""

from __future__ import annotations

import datetime as dt
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence

import pytest
from django.conf import LazySettings
from django.core.mail import send_mail
from django.db import connection
from django.utils import timezone

from mailcore.smtp.sink import Script, Step, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery.driver import Stopped, drive_run, drive_slice, never
from pochtar.delivery.grouping import provider_groups
from pochtar.delivery.ledger import audit_run, count_states
from pochtar.delivery.models import (
    ProviderState,
    RelayQuota,
    Run,
    RunStatus,
    Slice,
    SliceStatus,
)
from pochtar.delivery.quotas import manners_of
from pochtar.delivery.runs import lease_slice
from pochtar.delivery.ways import Hold, Way, choose_way
from tests.make import make_recipient, make_workspace
from tests.pochtar.delivery.launching import launch, make_people


class Clocked:
    """Writes down when each letter was taken, by the server's own clock."""

    def __init__(self, *, refuse_after: int | None = None, text: str = "") -> None:
        self.times: list[float] = []
        self._refuse_after = refuse_after
        self._text = text

    def __call__(self, stage: str, argument: str, count: int) -> Step | None:
        if stage != "dot":
            return None
        if self._refuse_after is not None and len(self.times) >= self._refuse_after:
            return Step(self._text)
        self.times.append(time.monotonic())
        return None


def most_in(window: float, times: Sequence[float]) -> int:
    times = sorted(times)
    return max(
        bisect_left(times, start + window) - index for index, start in enumerate(times)
    )


def work_together(run: Run, workers: int, *, stopped: Stopped = never) -> None:
    """Drive the run in several threads, each with a connection of its own."""

    def drive() -> None:
        try:
            drive_run(Run.objects.get(pk=run.pk), stopped=stopped)
        finally:
            connection.close()

    threads = [threading.Thread(target=drive) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_two_workers_stay_within_a_limit_per_second(settings: LazySettings) -> None:
    """PRV-03: counted by the server's clock, over any second."""
    settings.DELIVERY_SLICE_SIZE = 30
    workspace = make_workspace()
    make_people(workspace, 120)
    clocked = Clocked()
    with sink_in_thread(Script(choose=clocked)) as sink:
        run = launch(workspace, sink, relay={"per_second": 50})
        work_together(run, 2)

    run.refresh_from_db()
    assert run.status == RunStatus.COMPLETED
    assert len(clocked.times) == 120
    # A machine that stood still for a moment lets a few letters come together.
    assert most_in(1, clocked.times) <= 50 * 1.02 + 3
    assert audit_run(run) == []


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_exceed_a_limit_per_hour(settings: LazySettings) -> None:
    """PRV-03"""
    settings.DELIVERY_SLICE_SIZE = 20
    workspace = make_workspace()
    make_people(workspace, 100)
    with sink_in_thread() as sink:
        run = launch(workspace, sink, relay={"per_hour": 50})
        drive_until_held(run, workers=2)

        assert len(sink.accepted) == 50
        assert count_states(run).pending == 50
        assert run_is_held(run)


def drive_until_held(run: Run, *, workers: int = 1) -> None:
    if workers == 1:
        drive_run(run, stopped=lambda: run_is_held(run))
    else:
        work_together(run, workers, stopped=lambda: run_is_held(run))


def run_is_held(run: Run) -> bool:
    """Whether all that is left rests for at least a minute."""
    soon = timezone.now() + dt.timedelta(seconds=5)
    left = Slice.objects.filter(run=run).exclude(status=SliceStatus.DONE)
    return (
        left.exists()
        and not left.exclude(status=SliceStatus.READY, due_at__gt=soon).exists()
    )


@pytest.mark.django_db(transaction=True)
def test_a_limit_outlives_a_restart_and_counts_only_what_was_sent() -> None:
    """PRV-03: the state is in the database, and skipped letters cost nothing."""
    workspace = make_workspace()
    people = make_people(workspace, 12, full_name="")
    for one in people[:9]:
        one.full_name = "Анна"
        one.save()
    with sink_in_thread() as sink:
        first = launch(
            workspace,
            sink,
            relay={"per_day": 10},
            message={"subject": "{{ full_name }}, привет"},
        )
        drive_until_held(first)
        first.refresh_from_db()
        used = RelayQuota.objects.get(relay=first.relay).state["86400"]

    assert len(sink.accepted) == sum(used.values()) == 9
    assert first.status == RunStatus.COMPLETED


@pytest.mark.django_db
def test_one_servers_limit_does_not_stall_another_mailing() -> None:
    """PRV-03: what is held is given back, and the worker is free."""
    workspace = make_workspace()
    make_people(workspace, 5)
    other = make_workspace()
    make_people(other, 5)
    with sink_in_thread() as sink:
        held = launch(workspace, sink, relay={"per_hour": 2})
        report = drive_slice(held)
        assert report
        assert (report.done, sum(report.counts.values())) == (False, 2)
        assert drive_slice(held) is None  # not due: nothing to ask again and again

        done = drive_run(launch(other, sink))

    assert done.status == RunStatus.COMPLETED
    assert count_states(held).pending == 3
    slice_ = Slice.objects.get(run=held)
    assert slice_.due_at > timezone.now() + dt.timedelta(minutes=50)


@pytest.mark.django_db
def test_the_systems_letters_never_wait_behind_a_mailing(
    settings: LazySettings,
) -> None:
    """Confirmations and passwords use neither the sessions nor the limits."""
    settings.EMAIL_BACKEND = "pochtar.delivery.mail_backend.EmailBackend"
    workspace = make_workspace()
    make_people(workspace, 3)
    with sink_in_thread() as sink:
        settings.SYSTEM_SMTP_URL = f"smtp://127.0.0.1:{sink.port}?tls=none"
        run = launch(workspace, sink, relay={"per_hour": 1, "max_connections": 1})
        drive_slice(run)
        assert lease_slice(run, now=timezone.now() + dt.timedelta(hours=2))
        sent = send_mail("Пароль", "…", "a@lavka.example", ["anna@example.com"])

    assert sent == 1
    assert len(sink.accepted) == 2


# Connections ---------------------------------------------------------------------------
@pytest.mark.django_db
def test_connections_are_counted_over_all_workers(settings: LazySettings) -> None:
    settings.DELIVERY_SLICE_SIZE = 10
    workspace = make_workspace()
    make_people(workspace, 40)
    with sink_in_thread() as sink:
        run = launch(workspace, sink, relay={"max_connections": 7})

    ways = [enter(run) for _ in range(3)]

    assert [way.connections for way in ways if isinstance(way, Way)] == [5, 2]
    assert isinstance(ways[2], Hold)


def enter(run: Run) -> Way | Hold:
    slice_ = lease_slice(run)
    assert slice_
    return choose_way(run, slice_, now=timezone.now())


@pytest.mark.django_db
def test_a_connection_serves_only_so_many_letters() -> None:
    """SMTP-13"""
    workspace = make_workspace()
    make_people(workspace, 10)
    with sink_in_thread() as sink:
        run = launch(
            workspace,
            sink,
            relay={"max_connections": 1, "messages_per_connection": 3},
        )
        drive_run(run)

    assert (len(sink.accepted), sink.connections) == (10, 4)


# Providers -----------------------------------------------------------------------------
def make_mixed(workspace: Workspace, **counts: int) -> None:
    for domain, count in counts.items():
        for number in range(count):
            make_recipient(workspace, f"{domain}{number}@{domain}.com")


@pytest.mark.django_db
def test_a_slice_holds_one_providers_recipients(workspace: Workspace) -> None:
    """PRV-03"""
    make_mixed(workspace, yahoo=3, gmail=2, example=4)
    make_recipient(workspace, "Anna@AOL.com")
    with sink_in_thread() as sink:
        run = launch(workspace, sink)

    found = [
        (slice_.provider, slice_.last_position - slice_.first_position + 1)
        for slice_ in Slice.objects.filter(run=run).order_by("first_position")
    ]
    assert found == [("", 4), ("google", 2), ("yahoo", 4)]
    addresses = dict(run.deliveries.values_list("position", "email"))
    assert {addresses[position].rpartition("@")[2] for position in (5, 6)} == {
        "gmail.com"
    }


@pytest.mark.django_db
def test_the_canary_and_what_was_drawn_beside_it_are_mixed(
    workspace: Workspace,
) -> None:
    make_mixed(workspace, yahoo=4, example=3)
    with sink_in_thread() as sink:
        run = launch(workspace, sink)

    groups = provider_groups(run, canary=2, sampled=4)

    assert [(one.provider, one.first, one.last) for one in groups] == [
        ("", 1, 2),
        ("", 3, 4),
        ("yahoo", 5, 7),
    ]


@pytest.mark.django_db
def test_a_provider_that_asks_to_slow_down_is_heard(workspace: Workspace) -> None:
    """PRV-03: the server answers 421 TSS04 after three letters; others go on."""
    make_mixed(workspace, yahoo=9, example=6)
    yahoo = Clocked()

    def choose(stage: str, argument: str, count: int) -> Step | None:
        if stage == "rcpt" and "yahoo" in argument:
            if len(yahoo.times) >= 3:
                return Step("421 4.7.0 [TSS04] Messages temporarily deferred")
            yahoo.times.append(time.monotonic())
        return None

    with sink_in_thread(Script(choose=choose)) as sink:
        run = launch(workspace, sink, relay={"max_connections": 1})
        drive_until_held(run)

    run.refresh_from_db()
    state = ProviderState.objects.get(relay=run.relay, provider="yahoo")
    manners = manners_of(state)
    taken = [one.rcpt_to for one in sink.accepted]
    assert run.status == RunStatus.RUNNING
    assert len([one for one in taken if one.endswith("@example.com")]) == 6
    assert len([one for one in taken if one.endswith("@yahoo.com")]) == 3
    assert (manners.per_minute, "TSS04" in manners.why) == (1, True)
    assert manners.steady_until > time.time() + 5000
    rest = Slice.objects.get(run=run, provider="yahoo")
    assert rest.due_at > timezone.now() + dt.timedelta(seconds=30)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reply", "slowed"),
    [
        ("421 4.7.0 [TSS04] Messages temporarily deferred", True),
        ("421 4.4.2 Too many messages on this connection, closing", False),
    ],
)
def test_a_closed_connection_slows_nobody_unless_the_words_are_known(
    workspace: Workspace, reply: str, slowed: bool
) -> None:
    """SMTP-13, PRV-03: the letter goes over another connection, and is accepted."""
    make_mixed(workspace, yahoo=3)
    said: list[str] = []

    def choose(stage: str, argument: str, count: int) -> Step | None:
        if stage != "rcpt" or said:
            return None
        said.append(argument)
        return Step(reply)

    with sink_in_thread(Script(choose=choose)) as sink:
        run = launch(workspace, sink, relay={"max_connections": 1})
        drive_until_held(run)

    state = ProviderState.objects.filter(relay=run.relay).first()
    assert count_states(run).accepted == 3
    assert bool(state and manners_of(state).per_minute) == slowed


@pytest.mark.django_db
def test_a_deferring_reply_slows_only_that_provider(workspace: Workspace) -> None:
    """PRV-03, SMTP-14: a whole answer, not a broken connection."""
    make_mixed(workspace, gmail=4)
    slow = "451 4.7.28 Our system has detected an unusual rate"
    with sink_in_thread(Script(steps={"dot": Step(slow)})) as sink:
        run = launch(workspace, sink, relay={"max_connections": 1})
        drive_until_held(run)

    state = ProviderState.objects.get(relay=run.relay)
    assert (state.provider, manners_of(state).per_minute) == ("google", 1)


@pytest.mark.django_db
def test_the_workspaces_own_rate_holds_for_a_provider(workspace: Workspace) -> None:
    """PRV-03: the table is data, and a workspace may say otherwise."""
    workspace.provider_rules.create(provider="google", per_minute=3)
    make_mixed(workspace, gmail=8, example=5)
    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        drive_until_held(run)

    taken = [one.rcpt_to for one in sink.accepted]
    assert sum(one.endswith("@gmail.com") for one in taken) == 3
    assert sum(one.endswith("@example.com") for one in taken) == 5
