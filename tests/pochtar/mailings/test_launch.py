"""A launch: once, when it can be, and by those who may."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connections
from django.utils import timezone

from mailcore.smtp.sink import sink_in_thread
from pochtar.base.errors import Conflict, NotAllowed
from pochtar.base.queue import NamedTask
from pochtar.delivery.driver import drive_run
from pochtar.delivery.models import Delivery, Run, Slice
from pochtar.mailings.launch import (
    launch_due,
    launch_mailing,
    pause_mailing,
    resume_mailing,
)
from pochtar.mailings.models import Mailing, MailingStatus
from pochtar.mailings.services import cancel_schedule
from pochtar.mailings.tasks import look_up_domains, tick
from tests.make import (
    make_mailing,
    make_recipient,
    make_user,
    make_workspace,
)
from tests.pochtar.delivery.test_mx import dns_server

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def mailing(workspace):
    make_recipient(workspace)
    return make_mailing(workspace)


@pytest.mark.django_db
def test_a_launch_freezes_content_and_audience(mailing, manager):
    launch_mailing(mailing, by=manager, now=timezone.now())
    make_recipient(mailing.workspace)
    mailing.message.subject = "Other"
    mailing.message.save()

    run = Run.objects.get()

    assert mailing.status == MailingStatus.RUNNING
    assert mailing.run == run
    assert (run.selected, run.subject) == (1, "Осенние новинки")
    assert run.started_by == manager


@pytest.mark.django_db
def test_an_editor_cannot_launch(mailing, editor):
    with pytest.raises(NotAllowed):
        launch_mailing(mailing, by=editor, now=timezone.now())


@pytest.mark.django_db
def test_a_second_launch_is_refused(mailing, manager):
    launch_mailing(mailing, by=manager, now=timezone.now())

    with pytest.raises(Conflict) as caught:
        launch_mailing(mailing, by=manager, now=timezone.now())

    assert caught.value.code == "cannot_launch"
    assert Run.objects.count() == 1


@pytest.mark.django_db
def test_what_is_in_the_way_is_said_and_nothing_is_changed(workspace, manager):
    mailing = make_mailing(workspace)

    with pytest.raises(Conflict) as caught:
        launch_mailing(mailing, by=manager, now=timezone.now())

    assert caught.value.code == "no_recipients"
    assert Mailing.objects.get().status == MailingStatus.CREATED
    assert not Run.objects.exists()


@pytest.mark.django_db
def test_a_start_ahead_schedules_and_can_be_cancelled(mailing, manager):
    now = timezone.now()
    mailing.start_at = now + HOUR
    mailing.save()

    launch_mailing(mailing, by=manager, now=now)
    assert mailing.status == MailingStatus.SCHEDULED
    assert launch_due(now) == 0

    cancel_schedule(mailing, by=manager)
    assert mailing.status == MailingStatus.CREATED


@pytest.mark.django_db
def test_the_tick_launches_what_is_due(mailing, manager):
    launch_scheduled(mailing, manager)

    assert launch_due(timezone.now() + 2 * HOUR) == 1

    mailing.refresh_from_db()
    assert mailing.status == MailingStatus.RUNNING


def launch_scheduled(mailing, by):
    now = timezone.now()
    mailing.start_at = now + HOUR
    mailing.save()
    launch_mailing(mailing, by=by, now=now)


@pytest.mark.django_db
def test_what_cannot_be_launched_any_more_becomes_a_draft_with_a_note(mailing, manager):
    launch_scheduled(mailing, manager)
    mailing.sender = None
    mailing.save()

    launch_due(timezone.now() + 2 * HOUR)

    mailing.refresh_from_db()
    assert (mailing.status, mailing.note) == (MailingStatus.CREATED, "no_sender")
    assert launch_due(timezone.now() + 2 * HOUR) == 0


@pytest.mark.django_db
def test_a_scheduled_mailing_can_be_launched_at_once(mailing, manager):
    launch_scheduled(mailing, manager)

    launch_mailing(mailing, by=manager, now=timezone.now(), force_now=True)

    assert mailing.status == MailingStatus.RUNNING


@pytest.mark.django_db
def test_pause_and_continue_belong_to_managers_and_to_their_states(
    mailing, manager, editor
):
    with pytest.raises(Conflict):
        pause_mailing(mailing, by=manager)
    launch_mailing(mailing, by=manager, now=timezone.now())
    with pytest.raises(NotAllowed):
        pause_mailing(mailing, by=editor)

    pause_mailing(mailing, by=manager)
    assert mailing.state == MailingStatus.PAUSED
    with pytest.raises(Conflict):
        pause_mailing(mailing, by=manager)

    resume_mailing(mailing, by=manager)
    assert mailing.state == MailingStatus.RUNNING


@pytest.mark.django_db
def test_the_tick_keeps_the_status_in_step_with_the_run(mailing, manager):
    launch_mailing(mailing, by=manager, now=timezone.now())
    with sink_in_thread() as sink:
        mailing.run.relay.port = sink.port
        mailing.run.relay.save()
        drive_run(mailing.run)
        assert len(sink.accepted) == 1

    tick()

    assert Mailing.objects.get().status == MailingStatus.COMPLETED


@pytest.mark.django_db(transaction=True)
def test_smtp_26_many_launches_at_once_make_one_run():
    """Double click, two tabs, browser and command line: real threads, one run."""
    by = make_user()
    workspace = make_workspace(by)
    for _ in range(20):
        make_recipient(workspace)
    mailing = make_mailing(workspace)
    ready, ends = threading.Barrier(6), []

    def launch():
        try:
            mine = Mailing.objects.get(pk=mailing.pk)
            ready.wait(10)
            launch_mailing(mine, by=by, now=timezone.now(), nudge=False)
            ends.append("launched")
        except Conflict as error:
            ends.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=launch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(ends) == ["cannot_launch"] * 5 + ["launched"]
    assert Run.objects.count() == 1
    assert Delivery.objects.count() == 20


@pytest.mark.django_db
def test_a_scheduled_mailing_is_grouped_by_what_dns_said_meanwhile(
    mailing, manager, settings, monkeypatch, django_capture_on_commit_callbacks
):
    """PRV-03: the domains are looked up when it is scheduled."""
    settings.MX_LOOKUPS = True
    for number in range(5):
        make_recipient(mailing.workspace, f"p{number}@firma.ru")
    sent = []
    monkeypatch.setattr(NamedTask, "delay", lambda task, *args: sent.append(args))

    with (
        dns_server({"firma.ru": ["10 mx.yandex.net."]}) as resolver,
        monkeypatch.context() as patch,
    ):
        with django_capture_on_commit_callbacks(execute=True):
            launch_scheduled(mailing, manager)
        patch.setattr("pochtar.delivery.mx.Resolver", lambda: resolver)
        look_up_domains(*sent[0])
    launch_due(timezone.now() + 2 * HOUR)

    slices = Slice.objects.order_by("first_position")
    assert [one.provider for one in slices] == ["", "yandex"]
