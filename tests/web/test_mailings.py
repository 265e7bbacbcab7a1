"""The pages of mailings. Who may open them at all: test_access_matrix.py."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pochtar.delivery.models import Run, RunStatus
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import Mailing, MailingStatus
from tests.make import (
    make_mailing,
    make_message,
    make_recipient,
    make_sender,
    make_workspace,
)
from tests.web.mailings import launched, url

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _english(
    as_owner: Client, as_editor: Client, as_manager: Client, as_viewer: Client
):
    for client in (as_owner, as_editor, as_manager, as_viewer):
        client.cookies["django_language"] = "en"


# List ---------------------------------------------------------------------------------


def test_an_empty_workspace_is_told_what_to_do_next(as_editor):
    page = as_editor.get(reverse("mailings")).content.decode()

    assert "No mailings yet" in page
    assert reverse("mailing-add") in page


def test_a_viewer_is_not_offered_a_new_mailing(as_viewer):
    page = as_viewer.get(reverse("mailings")).content.decode()

    assert reverse("mailing-add") not in page


def test_the_list_shows_states_and_progress_of_our_mailings_only(as_viewer, workspace):
    mailing = launched(workspace, name="Autumn")
    make_mailing(make_workspace(), name="Foreign")

    page = as_viewer.get(reverse("mailings")).content.decode()

    assert "Autumn" in page
    assert "Running" in page
    assert "0 of 1 accepted" in page
    assert "Foreign" not in page
    assert url("mailing", mailing) in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=running", ["Second"]),
        ("status=created", ["First"]),
        ("q=FIRST", ["First"]),
        ("q=nothing", []),
        ("sort=name", ["First", "Second"]),
        ("sort=-name", ["Second", "First"]),
        ("sort=created", ["First", "Second"]),
        ("status=nonsense&sort=nonsense&cursor=nonsense", ["Second", "First"]),
    ],
)
def test_the_list_is_filtered_searched_and_sorted(as_viewer, workspace, query, found):
    make_mailing(workspace, name="First")
    launched(workspace, name="Second")

    answer = as_viewer.get(f"{reverse('mailings')}?{query}")

    assert [row.name for row in answer.context["page"].rows] == found


def test_the_list_has_pages(as_viewer, workspace):
    message, sender = make_message(workspace), make_sender(workspace)
    for number in range(30):
        make_mailing(workspace, name=f"M{number}", message=message, sender=sender)

    first = as_viewer.get(reverse("mailings")).context["page"]
    second = as_viewer.get(reverse("mailings"), {"cursor": first.next}).context["page"]

    assert (len(first.rows), len(second.rows)) == (25, 5)


def test_the_list_asks_the_same_number_of_questions_for_many(
    as_viewer, workspace, django_assert_max_num_queries
):
    for _ in range(5):
        launched(workspace)

    with django_assert_max_num_queries(12):
        as_viewer.get(reverse("mailings"))


# Duplicate, delete ---------------------------------------------------------------------


def test_a_duplicate_opens_in_the_form(as_editor, workspace):
    mailing = launched(workspace)

    answer = as_editor.post(url("mailing-duplicate", mailing))

    copy = Mailing.objects.exclude(pk=mailing.pk).get()
    assert answer.url == url("mailing-edit", copy)


def test_a_draft_is_deleted_after_a_question(as_editor, workspace):
    mailing = make_mailing(workspace)

    assert as_editor.get(url("mailing-delete", mailing)).status_code == 200
    assert Mailing.objects.exists()
    assert as_editor.post(url("mailing-delete", mailing)).url == reverse("mailings")
    assert not Mailing.objects.exists()


def test_a_completed_mailing_is_deleted_by_managers_with_its_history(
    as_editor, as_manager, workspace
):
    mailing = launched(workspace)
    Run.objects.update(status=RunStatus.COMPLETED, finished_at=timezone.now())

    assert as_editor.post(url("mailing-delete", mailing)).status_code == 403
    question = as_manager.get(url("mailing-delete", mailing)).content.decode()
    assert "history goes too" in question
    as_manager.post(url("mailing-delete", mailing))

    assert not Mailing.objects.exists()
    assert not Run.objects.exists()


def test_a_running_mailing_is_not_deleted(as_manager, workspace):
    mailing = launched(workspace)

    page = as_manager.get(url("mailing", mailing)).content.decode()

    assert url("mailing-delete", mailing) not in page
    assert as_manager.get(url("mailing-delete", mailing)).status_code == 409
    assert as_manager.post(url("mailing-delete", mailing)).status_code == 409


# Launch -------------------------------------------------------------------------------


def test_the_confirmation_says_how_many_get_what_from_whom(as_manager, workspace):
    make_recipient(workspace)
    make_recipient(workspace, full_name="")
    message = make_message(workspace, subject="News", html="<p>{{ full_name }}</p>")
    mailing: Any = make_mailing(workspace, message=message)

    page = as_manager.get(url("mailing-launch", mailing)).content.decode()

    assert "Send the letter to 2 recipients?" in page
    assert "News" in page
    assert "news@lavka.example" in page
    assert mailing.sender.relay.name in page
    assert "1 recipient has no “full_name” and will be skipped." in page
    assert not Run.objects.exists()


def test_a_manager_launches_and_a_second_click_changes_nothing(as_manager, workspace):
    make_recipient(workspace)
    mailing = make_mailing(workspace)

    first = as_manager.post(url("mailing-launch", mailing))
    second = as_manager.post(url("mailing-launch", mailing))

    assert first.url == url("mailing", mailing)
    assert second.status_code == 409
    assert Run.objects.count() == 1


def test_what_is_in_the_way_is_said_before_and_refused_after(as_manager, workspace):
    mailing = make_mailing(workspace, sender=None)

    question = as_manager.get(url("mailing-launch", mailing)).content.decode()
    answer = as_manager.post(url("mailing-launch", mailing))

    assert "cannot be launched yet" in question
    assert "No sender is chosen." in question
    assert answer.status_code == 409
    assert "No sender is chosen." in answer.content.decode()


def test_a_start_ahead_schedules_and_the_schedule_is_cancelled(as_manager, workspace):
    make_recipient(workspace)
    start = timezone.now() + dt.timedelta(days=1)
    mailing = make_mailing(workspace, start_at=start)

    assert "Schedule" in as_manager.get(url("mailing-launch", mailing)).content.decode()
    as_manager.post(url("mailing-launch", mailing))
    assert Mailing.objects.get().status == MailingStatus.SCHEDULED
    as_manager.post(url("mailing-cancel", mailing))
    assert Mailing.objects.get().status == MailingStatus.CREATED


def test_launching_a_scheduled_mailing_starts_it_at_once(as_manager, workspace):
    mailing = launched(workspace, start_at=timezone.now() + dt.timedelta(days=1))

    as_manager.post(url("mailing-launch", mailing))

    assert Mailing.objects.get().status == MailingStatus.RUNNING


def test_pause_and_continue(as_manager, workspace):
    mailing = launched(workspace)

    as_manager.post(url("mailing-pause", mailing))
    page = as_manager.get(url("mailing", mailing)).content.decode()
    assert "The mailing is paused." in page
    assert url("mailing-resume", mailing) in page

    as_manager.post(url("mailing-resume", mailing))
    assert Run.objects.get().status == RunStatus.RUNNING
    assert as_manager.post(url("mailing-resume", mailing)).status_code == 409


def test_a_pause_by_the_mail_server_says_why_and_where_to_mend_it(
    as_manager, workspace
):
    mailing = launched(workspace)
    Run.objects.update(
        status=RunStatus.PAUSED,
        pause_code="auth_refused",
        pause_text="smtp.example.org:587 – 535 5.7.8 Bad password",
    )

    page = as_manager.get(url("mailing", mailing)).content.decode()

    assert "The server refused the login or the password." in page
    assert "535 5.7.8 Bad password" in page
    assert str(mailing.run.relay_id) in page


def test_a_failed_schedule_is_explained(as_viewer, workspace):
    mailing = make_mailing(workspace, note="stop_passed")

    page = as_viewer.get(url("mailing", mailing)).content.decode()

    assert "The scheduled launch did not come about" in page
    assert "The time to stop has already passed." in page


# The page ------------------------------------------------------------------------------


def test_the_page_shows_the_command(as_viewer, workspace):
    mailing = make_mailing(workspace)

    page = as_viewer.get(url("mailing", mailing)).content.decode()

    assert f'data-copy="python manage.py sendmail {mailing.pk}"' in page


def test_the_page_follows_a_running_mailing_and_stops_with_it(as_viewer, workspace):
    mailing = launched(workspace)

    page = as_viewer.get(url("mailing", mailing)).content.decode()
    live = as_viewer.get(url("mailing-live", mailing))
    assert url("mailing-live", mailing) in page
    assert ">Refresh</a></noscript>" in page
    assert "every 1s" in live.content.decode()
    assert "HX-Refresh" not in live.headers

    Run.objects.update(status=RunStatus.COMPLETED, finished_at=timezone.now())
    last = as_viewer.get(url("mailing-live", mailing))
    assert "every 1s" not in last.content.decode()
    assert last.headers["HX-Refresh"] == "true"
    assert (
        'http-equiv="refresh"'
        not in as_viewer.get(url("mailing", mailing)).content.decode()
    )


def test_the_page_of_a_scheduled_mailing_notices_the_launch(as_viewer, workspace):
    mailing = launched(workspace, start_at=timezone.now() + dt.timedelta(days=1))
    address = f"{url('mailing-live', mailing)}?was=scheduled"

    assert address in as_viewer.get(url("mailing", mailing)).content.decode()
    assert as_viewer.get(address).status_code == 204
    launch_mailing(mailing, by=None, now=timezone.now(), force_now=True)
    assert as_viewer.get(address).headers["HX-Refresh"] == "true"


def test_what_was_frozen_is_shown_after_the_message_changed(as_viewer, workspace):
    mailing = launched(workspace)
    mailing.message.subject = "Changed since"
    mailing.message.save()

    page = as_viewer.get(url("mailing", mailing)).content.decode()

    assert "Осенние новинки" in page
    assert "Changed since" not in page
