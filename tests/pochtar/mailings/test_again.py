"""After a mailing: the failed, the unknown, those added since."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from mailcore.smtp.sink import Sink, sink_in_thread
from pochtar.accounts.models import Role, Workspace
from pochtar.base.errors import Conflict, NotAllowed
from pochtar.delivery.driver import drive_run
from pochtar.delivery.models import Attempt, Run
from pochtar.mailings.again import follow_up_mailing, retry_failed, send_unknown
from pochtar.mailings.audience import audience_of
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import AudienceKind, Mailing, MailingStatus
from pochtar.mailings.services import delete_mailing, duplicate_mailing, follow_runs
from tests.make import (
    make_list,
    make_mailing,
    make_member,
    make_recipient,
    make_relay,
    make_sender,
)
from tests.pochtar.delivery.passing import answers

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(workspace: Workspace) -> Any:
    return make_member(workspace, role=Role.MANAGER)


def start(workspace: Workspace, sink: Sink, **over: Any) -> Mailing:
    relay = make_relay(workspace, port=sink.port)
    over.setdefault("sender", make_sender(workspace, relay=relay))
    mailing = make_mailing(workspace, **over)
    return launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)


def drive(mailing: Mailing) -> Mailing:
    assert mailing.run
    drive_run(mailing.run)
    follow_runs()
    fresh: Mailing = Mailing.objects.select_related("run", "workspace").get(
        pk=mailing.pk
    )
    return fresh


def test_a_completed_mailing_is_opened_again_for_those_who_failed(
    workspace: Workspace, manager: Any
) -> None:
    make_recipient(workspace, "anna@example.com")
    with sink_in_thread(answers(anna=["451 4.3.0 later"])) as sink:
        mailing = drive(start(workspace, sink))
        assert mailing.status == MailingStatus.COMPLETED
        mailing = retry_failed(mailing, by=manager, nudge=False)
        assert mailing.status == mailing.state == MailingStatus.RUNNING
        mailing = drive(mailing)

    assert mailing.status == MailingStatus.COMPLETED
    assert len(sink.accepted) == 1
    audit = workspace.audit_entries.get(verb="mailing_retry_failed")
    assert audit.details["count"] == 1


def test_only_managers_try_again(workspace: Workspace) -> None:
    make_recipient(workspace)
    editor = make_member(workspace, role=Role.EDITOR)
    with sink_in_thread() as sink:
        mailing = drive(start(workspace, sink))

    for verb in (retry_failed, send_unknown):
        with pytest.raises(NotAllowed):
            verb(mailing, by=editor)


def test_what_stands_in_the_way_is_said(workspace: Workspace, manager: Any) -> None:
    make_recipient(workspace, "anna@example.com")
    with sink_in_thread(answers(anna=["451 4.3.0 later"])) as sink:
        mailing = start(workspace, sink)
        assert code_of(retry_failed, mailing, manager) == "cannot_retry_failed"
        mailing = drive(mailing)

    assert code_of(send_unknown, mailing, manager) == "nobody_unknown"
    passed = timezone.now() - dt.timedelta(minutes=1)
    Run.objects.update(stop_at=passed)
    assert code_of(retry_failed, mailing, manager) == "stop_passed"
    Run.objects.update(stop_at=None)
    Attempt.objects.update(outcome="failed", permanent=True)
    assert code_of(retry_failed, mailing, manager) == "nobody_failed"
    again = retry_failed(mailing, by=manager, for_good_too=True, nudge=False)
    assert again.status == MailingStatus.RUNNING
    assert code_of(retry_failed, mailing, manager) == "cannot_retry_failed"


def code_of(verb: Any, mailing: Mailing, by: Any) -> str:
    with pytest.raises(Conflict) as refused:
        verb(mailing, by=by)
    return refused.value.code


def test_those_added_since_get_it_and_nobody_else(
    workspace: Workspace, manager: Any
) -> None:
    make_recipient(workspace, "anna@example.com")
    with sink_in_thread() as sink:
        first = drive(start(workspace, sink))
        second = follow_up_mailing(first, by=manager)
        assert audience_of(second).count() == 0
        make_recipient(workspace, "boris@example.com")
        second = drive(launch_mailing(second, by=None, now=timezone.now(), nudge=False))
        make_recipient(workspace, "clara@example.com")
        # Asked of either of them, both are left out.
        for earlier in (first, second):
            third = follow_up_mailing(earlier, by=manager)
            assert [row.email for row in audience_of(third)] == ["clara@example.com"]

    assert [one.rcpt_to for one in sink.accepted] == [
        "anna@example.com",
        "boris@example.com",
    ]


def test_those_added_since_are_of_the_same_lists(
    workspace: Workspace, manager: Any
) -> None:
    chosen = make_list(workspace, make_recipient(workspace))
    make_recipient(workspace)
    with sink_in_thread() as sink:
        mailing = make_mailing(
            workspace,
            audience=AudienceKind.LISTS,
            sender=make_sender(workspace, relay=make_relay(workspace, port=sink.port)),
        )
        mailing.lists.add(chosen)
        launched = launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)
        later = follow_up_mailing(drive(launched), by=manager)
    new = make_recipient(workspace)
    chosen.recipients.add(new)

    assert list(audience_of(later)) == [new]
    assert list(audience_of(duplicate_mailing(later, by=manager))) == [new]


def test_a_mailing_that_a_draft_follows_is_not_deleted(
    workspace: Workspace, manager: Any
) -> None:
    """Its recipients would be written to again."""
    make_recipient(workspace)
    with sink_in_thread() as sink:
        mailing = drive(start(workspace, sink))
    draft = follow_up_mailing(mailing, by=manager)

    with pytest.raises(Conflict) as refused:
        delete_mailing(mailing, by=manager)
    assert refused.value.code == "is_followed"
    delete_mailing(draft, by=manager)
    delete_mailing(mailing, by=manager)


def test_a_draft_has_nobody_added_since(workspace: Workspace, manager: Any) -> None:
    assert code_of(follow_up_mailing, make_mailing(workspace), manager) == (
        "cannot_follow_up"
    )
