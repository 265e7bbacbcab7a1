"""Mailings are written, changed, copied and deleted while that makes sense."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from pochtar.accounts.models import AuditEntry
from pochtar.base.errors import Conflict, InvalidInput, NotAllowed
from pochtar.delivery.models import Attempt, Delivery, Run, RunStatus
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import AudienceKind, Mailing, MailingStatus
from pochtar.mailings.services import (
    Draft,
    create_mailing,
    delete_mailing,
    duplicate_mailing,
    edit_mailing,
    follow_runs,
)
from tests.make import (
    make_list,
    make_mailing,
    make_message,
    make_recipient,
    make_sender,
    make_workspace,
)

pytestmark = pytest.mark.django_db


def launched(workspace, by, **over):
    make_recipient(workspace)
    mailing = make_mailing(workspace, **over)
    return launch_mailing(mailing, by=by, now=timezone.now(), nudge=False)


def completed(workspace, by):
    mailing = launched(workspace, by)
    Run.objects.filter(pk=mailing.run_id).update(
        status=RunStatus.COMPLETED, finished_at=timezone.now()
    )
    follow_runs()
    mailing.refresh_from_db()
    return mailing


def test_a_mailing_without_a_name_takes_the_subject_of_its_message(workspace, editor):
    message = make_message(workspace, subject="Осенние новинки")

    mailing = create_mailing(workspace, Draft(message=message, name="  "), by=editor)

    assert mailing.name == "Осенние новинки"
    assert mailing.status == MailingStatus.CREATED
    assert AuditEntry.objects.filter(verb="mailing_created").count() == 1


def test_only_the_rows_of_the_chosen_audience_are_kept(workspace, editor):
    everybody = [make_recipient(workspace)]
    draft = Draft(
        message=make_message(workspace),
        audience=AudienceKind.LISTS,
        lists=[make_list(workspace, *everybody)],
        picked=everybody,
    )

    mailing = create_mailing(workspace, draft, by=editor)

    assert (mailing.lists.count(), mailing.picked.count()) == (1, 0)


def test_a_viewer_cannot_write_a_mailing(workspace, viewer):
    with pytest.raises(NotAllowed):
        create_mailing(workspace, Draft(message=make_message(workspace)), by=viewer)


@pytest.mark.parametrize("field", ["message", "sender", "lists", "picked"])
def test_sec_02_a_row_of_another_workspace_is_refused(workspace, editor, field):
    other = make_workspace()
    foreign: dict[str, Any] = {
        "message": lambda: make_message(other),
        "sender": lambda: make_sender(other),
        "lists": lambda: [make_list(other)],
        "picked": lambda: [make_recipient(other)],
    }
    values: dict[str, Any] = {
        "message": make_message(workspace),
        field: foreign[field](),
    }

    with pytest.raises(InvalidInput) as caught:
        create_mailing(workspace, Draft(**values), by=editor)

    assert (caught.value.code, caught.value.field) == ("unknown_row", field)


@pytest.mark.parametrize(
    ("kind", "code"),
    [(AudienceKind.LISTS, "no_lists"), (AudienceKind.PICKED, "no_people")],
)
def test_a_chosen_audience_is_not_empty(workspace, editor, kind, code):
    draft = Draft(message=make_message(workspace), audience=kind)

    with pytest.raises(InvalidInput) as caught:
        create_mailing(workspace, draft, by=editor)

    assert caught.value.code == code


def test_a_mailing_does_not_end_before_it_starts(workspace, editor):
    start = timezone.now() + dt.timedelta(days=1)
    draft = Draft(message=make_message(workspace), start_at=start, stop_at=start)

    with pytest.raises(InvalidInput) as caught:
        create_mailing(workspace, draft, by=editor)

    assert (caught.value.code, caught.value.field) == ("ends_before_start", "stop_at")


def test_editing_replaces_content_and_audience_and_clears_the_note(workspace, editor):
    mailing = make_mailing(workspace, note="no_sender")
    person = make_recipient(workspace)
    draft = Draft(
        name="Новое",
        message=mailing.message,
        audience=AudienceKind.PICKED,
        picked=[person],
    )

    edit_mailing(mailing, draft, by=editor)

    assert (mailing.name, mailing.note) == ("Новое", "")
    assert list(mailing.picked.all()) == [person]


def test_a_launched_mailing_cannot_be_edited(workspace, owner):
    mailing = launched(workspace, owner)
    name = mailing.name

    with pytest.raises(Conflict) as caught:
        edit_mailing(mailing, Draft(message=mailing.message, name="Other"), by=owner)

    assert caught.value.code == "cannot_edit"
    assert Mailing.objects.get().name == name


def test_a_duplicate_is_a_new_draft_for_the_same_people(workspace, editor, owner):
    people = [make_recipient(workspace)]
    mailing = launched(
        workspace, owner, stop_at=timezone.now() + dt.timedelta(days=1), name="Осень"
    )
    mailing.picked.set(people)

    copy = duplicate_mailing(mailing, by=editor)

    assert copy.pk != mailing.pk
    assert copy.status == MailingStatus.CREATED
    assert copy.name.startswith("Осень ")
    assert (copy.run, copy.start_at, copy.stop_at) == (None, None, None)
    assert list(copy.picked.all()) == people


def test_an_editor_deletes_a_draft(workspace, editor):
    delete_mailing(make_mailing(workspace), by=editor)

    assert not Mailing.objects.exists()


@pytest.mark.parametrize("status", [MailingStatus.RUNNING, MailingStatus.PAUSED])
def test_a_mailing_that_runs_or_waits_is_not_deleted(workspace, owner, status):
    mailing = launched(workspace, owner)
    Run.objects.filter(pk=mailing.run_id).update(status=status)

    with pytest.raises(Conflict) as caught:
        delete_mailing(mailing, by=owner)

    assert caught.value.code == "cannot_delete"
    assert Run.objects.exists()


def test_a_scheduled_mailing_is_not_deleted(workspace, owner):
    start = timezone.now() + dt.timedelta(days=1)
    mailing = launched(workspace, owner, start_at=start)

    with pytest.raises(Conflict):
        delete_mailing(mailing, by=owner)


def test_deleting_a_completed_mailing_takes_its_history_along(workspace, manager):
    mailing = completed(workspace, manager)
    Attempt.objects.create(
        workspace=workspace,
        run=mailing.run,
        delivery=mailing.run.deliveries.get(),
        outcome="accepted",
        at=timezone.now(),
    )

    delete_mailing(mailing, by=manager)

    for model in (Mailing, Run, Delivery, Attempt):
        assert not model.objects.exists()


def test_an_editor_does_not_delete_history(workspace, editor, owner):
    mailing = completed(workspace, owner)

    with pytest.raises(NotAllowed):
        delete_mailing(mailing, by=editor)


def test_the_status_follows_the_run(workspace, owner):
    mailing = launched(workspace, owner)
    Run.objects.filter(pk=mailing.run_id).update(status=RunStatus.PAUSED)
    mailing = Mailing.objects.select_related("run").get()

    assert mailing.state == MailingStatus.PAUSED  # asked of the run at once
    assert list(Mailing.objects.in_state("paused")) == [mailing]

    assert follow_runs() == 1
    assert follow_runs() == 0
    assert Mailing.objects.get().status == MailingStatus.PAUSED


@pytest.mark.parametrize("text", ["ОСЕНЬ", "осень", "нови", "100% (50)"])
def test_a_search_finds_name_and_subject_whatever_the_case(workspace, text):
    message = make_message(workspace, subject="Новинки 100% (50)")
    mailing = make_mailing(workspace, name="Осень", message=message)

    assert list(Mailing.objects.matching(text)) == [mailing]
    assert not Mailing.objects.matching("весна").exists()
