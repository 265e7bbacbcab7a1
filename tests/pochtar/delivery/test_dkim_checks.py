"""What DNS shows, and what follows from it: activated, refused, paused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import dns.rcode
import pytest
from django.utils import timezone

from mailcore.smtp.sink import sink_in_thread
from pochtar.accounts.models import User, Workspace
from pochtar.base.errors import Conflict
from pochtar.delivery.dkim_checks import check_due_keys, check_key
from pochtar.delivery.driver import drive_run
from pochtar.delivery.ledger import count_states
from pochtar.delivery.models import DkimKey, RunStatus
from pochtar.delivery.ticks import tick_runs
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import MailingStatus
from tests.make import make_dkim_key, make_mailing, make_recipient
from tests.nameserver import Zone, nameserver
from tests.pochtar.delivery.launching import launch, make_people

pytestmark = pytest.mark.django_db
NOW = timezone.now()
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def zone(settings: Any):
    with nameserver(settings) as made:
        yield made


def test_a_published_key_begins_to_sign(workspace: Workspace, zone: Zone) -> None:
    """DKIM-06: the record comes in several strings."""
    key = make_dkim_key(workspace)
    zone.publish(key)

    check_key(key, now=NOW)

    assert zone.asked == [key.record_name]
    fresh = DkimKey.objects.get()
    assert (fresh.state, fresh.verdict, fresh.trouble) == ("active", "matches", "")
    assert (fresh.checked_at, fresh.found) == (NOW, key.record)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([], "missing"),
        (["v=DKIM1; p=AAAA"], "other_key"),
        (["v=DKIM1; p="], "revoked"),
        (["hello \\000"], "broken"),
        (["v=DKIM1; p=AAAA", "v=DKIM1; p=BBBB"], "several"),
    ],
)
@pytest.mark.parametrize("state", ["new", "active"])
def test_what_differs_is_said(
    workspace: Workspace, zone: Zone, values: list[str], verdict: str, state: str
) -> None:
    """DKIM-07"""
    key = make_dkim_key(workspace, state=state)
    zone.txt[key.record_name] = values

    check_key(key)

    assert (key.verdict, key.state) == (verdict, state)
    assert key.is_mismatched


@pytest.mark.parametrize(
    ("mute", "rcode", "trouble"),
    [(True, dns.rcode.NOERROR, "timeout"), (False, dns.rcode.SERVFAIL, "failed")],
)
def test_no_answer_is_no_mismatch(
    workspace: Workspace,
    zone: Zone,
    settings: Any,
    mute: bool,
    rcode: int,
    trouble: str,
) -> None:
    """DKIM-07"""
    settings.DNS_TIMEOUT = 0.3
    key = make_dkim_key(workspace, state="active", verdict="matches", checked_at=NOW)
    zone.mute, zone.rcode = mute, rcode

    check_key(key, now=NOW + HOUR)

    assert (key.trouble, key.verdict, key.checked_at) == (trouble, "matches", NOW)
    assert key.asked_at == NOW + HOUR
    assert not key.is_mismatched


# Launches -------------------------------------------------------------------------------


def test_a_launch_asks_dns_unless_that_was_done_within_the_hour(
    workspace: Workspace, owner: User, zone: Zone
) -> None:
    """DKIM-07"""
    make_recipient(workspace)
    key = make_dkim_key(workspace, state="active")

    with pytest.raises(Conflict) as caught:
        launch_mailing(make_mailing(workspace), by=owner, now=NOW)
    assert caught.value.code == "dkim_mismatch"

    zone.publish(key)
    late = NOW + dt.timedelta(minutes=59)
    with pytest.raises(Conflict):
        launch_mailing(make_mailing(workspace), by=owner, now=late)
    assert len(zone.asked) == 1

    mailing = launch_mailing(make_mailing(workspace), by=owner, now=NOW + HOUR)
    assert mailing.status == MailingStatus.RUNNING
    assert len(zone.asked) == 2


def test_a_launch_finds_a_key_that_was_published_meanwhile(
    workspace: Workspace, owner: User, zone: Zone
) -> None:
    """DKIM-06"""
    make_recipient(workspace)
    key = make_dkim_key(workspace)
    zone.publish(key)

    launch_mailing(make_mailing(workspace), by=owner, now=NOW)

    key.refresh_from_db()
    assert key.is_active


# Running runs ---------------------------------------------------------------------------


def test_the_keys_of_running_runs_are_looked_at_hourly(
    workspace: Workspace, zone: Zone
) -> None:
    """DKIM-07"""
    make_people(workspace, 3)
    key = make_dkim_key(workspace, state="active", domain="lavka.example")
    zone.publish(key)
    with sink_in_thread() as sink:
        run = launch(workspace, sink)

    tick_runs(NOW)
    tick_runs(NOW + HOUR / 2)
    assert len(zone.asked) == 1

    zone.txt.clear()
    tick_runs(NOW + HOUR)
    run.refresh_from_db()
    assert len(zone.asked) == 2
    assert (run.status, run.pause_code) == (RunStatus.PAUSED, "dkim_mismatch")
    assert run.pause_text == key.record_name


def test_keys_that_nothing_uses_are_left_alone(
    workspace: Workspace, zone: Zone
) -> None:
    make_dkim_key(workspace, state="active")
    make_dkim_key(workspace, state="retired")
    make_dkim_key(workspace, created_at=NOW - dt.timedelta(days=8))

    assert check_due_keys(now=NOW) == 0
    assert zone.asked == []


def test_a_new_key_is_looked_for_by_itself(workspace: Workspace, zone: Zone) -> None:
    key = make_dkim_key(workspace, created_at=NOW)
    zone.publish(key)

    assert check_due_keys(now=NOW) == 1

    key.refresh_from_db()
    assert key.is_active


def test_a_run_does_not_go_on_while_the_record_is_wrong(
    workspace: Workspace, zone: Zone
) -> None:
    """DKIM-07: also when somebody continues it."""
    make_people(workspace, 2)
    key = make_dkim_key(workspace, state="active", verdict="other_key")
    with sink_in_thread() as sink:
        run = drive_run(launch(workspace, sink))

        assert (run.status, run.pause_code) == (RunStatus.PAUSED, "dkim_mismatch")
        assert run.pause_text == key.record_name
        assert (count_states(run).pending, sink.connections) == (2, 0)
