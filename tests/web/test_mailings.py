"""The pages of mailings. Who may open them at all: test_access_matrix.py."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pochtar.accounts.models import Workspace
from pochtar.delivery.models import Run, RunStatus
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import Mailing, MailingStatus
from tests.make import (
    make_list,
    make_mailing,
    make_message,
    make_recipient,
    make_sender,
    make_workspace,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _english(
    as_owner: Client, as_editor: Client, as_manager: Client, as_viewer: Client
):
    for client in (as_owner, as_editor, as_manager, as_viewer):
        client.cookies["django_language"] = "en"


def filled(workspace: Workspace, **over):
    """What a browser posts for a whole mailing."""
    return {
        "message": make_message(workspace).pk,
        "sender": make_sender(workspace).pk,
        "audience": "everybody",
        **over,
    }


def launched(workspace: Workspace, **over: Any) -> Any:
    make_recipient(workspace)
    mailing = make_mailing(workspace, **over)
    return launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)


def url(name: str, mailing: Mailing) -> str:
    return reverse(name, args=[mailing.pk])


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


# Form ---------------------------------------------------------------------------------


def test_an_editor_writes_a_mailing_to_lists(as_editor, workspace):
    chosen = make_list(workspace, make_recipient(workspace))
    start = "2030-01-02T10:30"

    answer = as_editor.post(
        reverse("mailing-add"),
        filled(workspace, audience="lists", lists=[chosen.pk], start_at=start),
    )

    mailing = Mailing.objects.get()
    assert answer.url == url("mailing", mailing)
    assert mailing.name == mailing.message.subject
    assert list(mailing.lists.all()) == [chosen]
    # Moscow time: the workspace's own zone.
    assert mailing.start_at == dt.datetime(2030, 1, 2, 7, 30, tzinfo=dt.UTC)


def test_people_are_picked_by_search_and_by_address(as_editor, workspace):
    anna = make_recipient(workspace, "anna@example.com")
    boris = make_recipient(workspace, "boris@example.com")
    make_recipient(workspace)

    as_editor.post(
        reverse("mailing-add"),
        filled(
            workspace,
            audience="picked",
            picked=[anna.pk],
            addresses="Boris <BORIS@example.com>, anna@example.com;\n\n",
        ),
    )

    assert set(Mailing.objects.get().picked.all()) == {anna, boris}


def test_an_address_that_is_no_recipient_is_named_and_kept(as_editor, workspace):
    make_recipient(make_workspace(), "foreign@example.com")
    text = "foreign@example.com\nnonsense"

    answer = as_editor.post(
        reverse("mailing-add"), filled(workspace, audience="picked", addresses=text)
    )

    errors = answer.context["form"].errors["addresses"]
    assert errors == ["Not among your recipients: foreign@example.com, nonsense."]
    assert text in answer.content.decode()
    assert not Mailing.objects.exists()


def test_of_many_unknown_addresses_a_few_are_named(as_editor, workspace):
    text = "\n".join(f"p{number}@example.com" for number in range(700))

    answer = as_editor.post(
        reverse("mailing-add"), filled(workspace, audience="picked", addresses=text)
    )

    assert "and 695 more" in answer.context["form"].errors["addresses"][0]


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"audience": "lists"}, "lists"),
        ({"audience": "picked"}, "picked"),
        ({"audience": "nonsense"}, "audience"),
        ({"message": ""}, "message"),
        ({"start_at": "nonsense"}, "start_at"),
        ({"start_at": "2030-01-02T10:00", "stop_at": "2030-01-02T09:00"}, "stop_at"),
        ({"name": "x" * 201}, "name"),
        ({"lists": ["not-an-id"]}, "lists"),
        ({"picked": ["not-an-id"]}, "picked"),
        ({"addresses": "x" * 1_000_001}, "addresses"),
    ],
)
def test_bad_input_gets_an_error_at_its_field(as_editor, workspace, over, field):
    answer = as_editor.post(reverse("mailing-add"), filled(workspace, **over))

    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert not Mailing.objects.exists()


@pytest.mark.parametrize("field", ["message", "sender", "lists", "picked"])
def test_sec_01_a_foreign_row_cannot_be_chosen(as_editor, workspace, field):
    other = make_workspace()
    rows = {
        "message": make_message,
        "sender": make_sender,
        "lists": make_list,
        "picked": make_recipient,
    }

    answer = as_editor.post(
        reverse("mailing-add"), filled(workspace, **{field: rows[field](other).pk})
    )

    assert list(answer.context["form"].errors) == [field]


def test_without_a_message_the_form_says_to_write_one(as_editor):
    page = as_editor.get(reverse("mailing-add")).content.decode()

    assert reverse("message-add") in page


def test_a_link_may_choose_message_and_lists(as_editor, workspace):
    message, chosen = make_message(workspace), make_list(workspace)

    page = as_editor.get(
        reverse("mailing-add"), {"message": message.pk, "list": chosen.pk}
    ).content.decode()

    assert f'value="{message.pk}" selected' in page
    assert page.count("checked") == 2  # the kind of audience, and the list


@pytest.mark.parametrize(("audience", "count"), [("everybody", 3), ("lists", 1)])
def test_the_number_of_recipients_is_shown_before_saving(
    as_editor, workspace, audience, count
):
    people = [make_recipient(workspace) for _ in range(3)]
    chosen = make_list(workspace, people[0])
    fields = {"audience": audience, "lists": [chosen.pk]}

    live = as_editor.post(reverse("mailing-count"), fields).content.decode()
    make_message(workspace)
    plain = as_editor.post(reverse("mailing-add"), {**fields, "count": "1"})

    assert f"<strong>{count}</strong>" in live
    assert f"<strong>{count}</strong>" in plain.content.decode()
    assert plain.context["form"].errors == {}
    assert not Mailing.objects.exists()


def test_a_mailing_is_edited_with_what_it_had_in_the_form(as_editor, workspace):
    person = make_recipient(workspace)
    mailing = make_mailing(workspace, audience="picked", name="Before")
    mailing.picked.set([person])

    page = as_editor.get(url("mailing-edit", mailing)).content.decode()
    assert str(person.pk) in page

    as_editor.post(
        url("mailing-edit", mailing),
        filled(workspace, name="After", audience="picked", picked=[person.pk]),
    )
    mailing.refresh_from_db()
    assert mailing.name == "After"


def test_many_picked_people_come_as_a_text_of_addresses(as_editor, workspace):
    mailing = make_mailing(workspace, audience="picked")
    mailing.picked.set([make_recipient(workspace) for _ in range(201)])

    form = as_editor.get(url("mailing-edit", mailing)).context["form"]

    assert len(form.initial["addresses"].splitlines()) == 201
    assert form.initial["picked"] == []


def test_a_launched_mailing_is_neither_edited_nor_offered_for_it(as_editor, workspace):
    mailing = launched(workspace, name="Before")

    page = as_editor.get(url("mailing", mailing)).content.decode()
    answer = as_editor.post(
        url("mailing-edit", mailing), filled(workspace, name="After")
    )

    assert url("mailing-edit", mailing) not in page
    assert answer.status_code == 409
    assert "cannot be changed any more" in answer.content.decode()
    assert Mailing.objects.get().name == "Before"


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


def test_what_was_frozen_is_shown_after_the_message_changed(as_viewer, workspace):
    mailing = launched(workspace)
    mailing.message.subject = "Changed since"
    mailing.message.save()

    page = as_viewer.get(url("mailing", mailing)).content.decode()

    assert "Осенние новинки" in page
    assert "Changed since" not in page
