"""Warm-up (PRV-04): the plan's number of the day holds for each provider by itself."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from django.utils import timezone

from mailcore.smtp.sink import Sink, sink_in_thread
from pochtar.accounts.models import User, Workspace
from pochtar.delivery.driver import drive_run, drive_slice
from pochtar.delivery.ledger import audit_run, count_states
from pochtar.delivery.limits import RelayLimits, forget_learnt
from pochtar.delivery.models import (
    DomainRoute,
    ProviderState,
    Relay,
    Run,
    RunStatus,
    Slice,
)
from pochtar.delivery.relays import RelayDraft, change_relay
from pochtar.delivery.runs import start_run
from pochtar.delivery.verdicts import canary_size
from pochtar.delivery.warmup import count_day, warmup_today
from pochtar.recipients.models import Recipient
from tests.make import make_message, make_recipient, make_sender, make_workspace
from tests.pochtar.delivery.launching import launch
from tests.pochtar.delivery.test_limits import (
    drive_until_held,
    make_mixed,
    work_together,
)


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    return at_noon(workspace)


def at_noon(workspace: Workspace) -> Workspace:
    """Put the workspace where it is noon: no test shall run over midnight."""
    east = 12 - timezone.now().hour
    workspace.time_zone = f"Etc/GMT{-east:+d}"  # the sign is the other way round there
    workspace.save()
    return workspace


def warmed(*plan: int, since: int = 0) -> dict[str, object]:
    """Return what a server has whose warm-up began so many days ago."""
    noon = timezone.now() + dt.timedelta(hours=12 - timezone.now().hour)
    started = noon.date() - dt.timedelta(days=since)
    return {"warmup_started_on": started, "warmup_plan": list(plan)}


def taken(sink: Sink) -> Counter[str]:
    return Counter(one.rcpt_to.rpartition("@")[2] for one in sink.accepted)


def counted(relay: Relay) -> dict[str, int]:
    rows = ProviderState.objects.filter(relay=relay)
    counts = {row.provider: count_day(row, now=timezone.now()) for row in rows}
    return {provider: count for provider, count in counts.items() if count}


@pytest.mark.django_db
def test_each_provider_gets_the_days_number_and_the_others_go_on(
    workspace: Workspace,
) -> None:
    """PRV-04"""
    make_mixed(workspace, gmail=5, yahoo=2, example=4)
    with sink_in_thread() as sink:
        run = launch(workspace, sink, relay=warmed(3, 6))
        drive_until_held(run)

    assert taken(sink) == {"gmail.com": 3, "yahoo.com": 2, "example.com": 3}
    assert counted(run.relay) == {"google": 3, "yahoo": 2, "": 3}
    assert count_states(run).pending == 3
    assert audit_run(run) == []


@pytest.mark.django_db
def test_the_next_mailing_of_the_day_finds_what_the_first_one_has_used(
    workspace: Workspace,
) -> None:
    """PRV-04: over all mailings, processes and restarts."""
    make_mixed(workspace, gmail=2, yahoo=1)
    with sink_in_thread() as sink:
        first = drive_run(launch(workspace, sink, relay=warmed(3)))
        second = start_run(
            workspace,
            message=make_message(workspace),
            sender=make_sender(workspace, relay=first.relay),
            audience=Recipient.objects.filter(workspace=workspace),
            nudge=False,
        )
        drive_until_held(second)

    assert first.status == RunStatus.COMPLETED
    assert taken(sink) == {"gmail.com": 3, "yahoo.com": 2}


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_the_days_number() -> None:
    """PRV-04"""
    workspace = at_noon(make_workspace())
    make_mixed(workspace, gmail=30, yahoo=30)
    with sink_in_thread() as sink:
        run = launch(workspace, sink, relay=warmed(20))
        work_together(run, 2, stopped=lambda: not count_open(run))

    assert taken(sink) == {"gmail.com": 20, "yahoo.com": 20}


def count_open(run: Run) -> int:
    """Count the slices that may be sent within a minute."""
    soon = timezone.now() + dt.timedelta(seconds=60)
    return Slice.objects.filter(run=run, due_at__lt=soon).exclude(status="done").count()


def test_the_next_days_number_holds_from_midnight() -> None:
    """PRV-04: in the workspace's time zone; after its last day the plan is over."""
    relay = Relay(
        workspace=Workspace(time_zone="Europe/Moscow"),
        warmup_started_on=dt.date(2026, 11, 24),
        warmup_plan=[50, 100],
    )
    evening = dt.datetime(2026, 11, 24, 20, 30, tzinfo=dt.UTC)  # 23:30 in Moscow
    hour = dt.timedelta(hours=1)

    first = warmup_today(relay, now=evening)
    second = warmup_today(relay, now=evening + hour)

    assert first
    assert second
    assert (first.day, first.cap, first.ends_in) == (1, 50, 1800)
    assert (second.day, second.cap) == (2, 100)
    assert warmup_today(relay, now=evening + 25 * hour) is None


@pytest.mark.django_db
def test_what_has_to_wait_is_asked_about_again_at_midnight(
    workspace: Workspace,
) -> None:
    """PRV-04: not when yesterday's letters leave the window."""
    make_mixed(workspace, gmail=2)
    with sink_in_thread() as sink:
        run = launch(workspace, sink, relay=warmed(1, 2))
        drive_until_held(run)

    today = warmup_today(run.relay, now=timezone.now())
    assert today
    midnight = timezone.now() + dt.timedelta(seconds=today.ends_in)
    assert abs(Slice.objects.get(run=run).due_at - midnight).total_seconds() < 60


@pytest.mark.django_db
def test_letters_that_were_not_sent_use_nothing_of_the_day(
    workspace: Workspace,
) -> None:
    """PRV-04"""
    for number in range(6):
        name = "" if number < 4 else "Анна"
        make_recipient(workspace, f"r{number}@gmail.com", full_name=name)
    with sink_in_thread() as sink:
        run = launch(
            workspace,
            sink,
            relay=warmed(2),
            message={"subject": "{{ full_name }}, привет"},
        )
        drive_until_done(run)

    assert counted(run.relay) == {"google": 2}
    assert taken(sink) == {"gmail.com": 2}


def drive_until_done(run: Run) -> None:
    for _ in range(5):
        drive_slice(run)


@pytest.mark.django_db
def test_in_a_mixed_slice_each_letter_counts_for_its_own_provider(
    workspace: Workspace,
) -> None:
    """PRV-04: the careful start is drawn from everybody."""
    make_mixed(workspace, gmail=6, yahoo=6)
    with sink_in_thread() as sink:
        run = launch(workspace, sink, relay=warmed(3), canary=10)
        report = drive_slice(run)

    assert report
    assert max(taken(sink).values()) == 3
    assert counted(run.relay) == {
        {"gmail.com": "google", "yahoo.com": "yahoo"}[domain]: count
        for domain, count in taken(sink).items()
    }
    wait = Slice.objects.get(run=run, first_position=1).due_at - timezone.now()
    assert dt.timedelta(minutes=5) < wait <= dt.timedelta(minutes=10)


@pytest.mark.django_db
def test_a_company_counts_for_the_provider_behind_its_domain(
    workspace: Workspace,
) -> None:
    """PRV-03, PRV-04: also where that was found after the slices were cut."""
    make_mixed(workspace, lavka=3, example=1)
    with sink_in_thread() as sink:
        run = launch(workspace, sink, relay=warmed(2))
        DomainRoute.objects.create(domain="lavka.com", provider="google")
        for _ in range(2):
            drive_slice(run)

    assert counted(run.relay)["google"] == 2
    assert taken(sink)["lavka.com"] == 2


@pytest.mark.django_db
def test_a_larger_plan_lets_what_it_held_go_on(
    workspace: Workspace, manager: User
) -> None:
    """PRV-04: it is editable."""
    make_mixed(workspace, gmail=4)
    with sink_in_thread() as sink:
        run = launch(workspace, sink, relay=warmed(1))
        drive_until_held(run)
        relay = Relay.objects.get(pk=run.relay_id)
        draft = RelayDraft(
            name=relay.name,
            host=relay.host,
            port=relay.port,
            tls=relay.tls,
            username="",
            password=None,
            limits=RelayLimits(
                warmup_started_on=relay.warmup_started_on, warmup_plan=(4,)
            ),
        )
        change_relay(relay, draft, by=manager)
        run = drive_run(run)

    assert run.status == RunStatus.COMPLETED
    assert counted(relay) == {"google": 4}


@pytest.mark.django_db
def test_what_a_provider_had_today_is_not_forgotten_with_what_it_taught(
    workspace: Workspace, manager: User
) -> None:
    """PRV-04"""
    make_mixed(workspace, gmail=3)
    with sink_in_thread() as sink:
        run = launch(workspace, sink, relay=warmed(2))
        drive_until_held(run)

    forget_learnt(run.relay, "google", by=manager)

    assert counted(run.relay) == {"google": 2}


@pytest.mark.django_db
def test_a_careful_start_is_not_larger_than_the_days_number(
    workspace: Workspace,
) -> None:
    """PRV-04: else its verdict would wait for tomorrow."""
    relay = Relay(workspace=workspace, **warmed(50, 100, since=1))

    assert canary_size(40_000, relay=relay) == 100
    assert canary_size(40_000, relay=Relay(workspace=workspace)) == 800
