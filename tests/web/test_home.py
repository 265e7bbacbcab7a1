"""The home page: a visitor's, an empty workspace's, a working one's."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pochtar.delivery.models import Run, Tally
from pochtar.mailings.models import MailingStatus
from tests.make import (
    make_mailing,
    make_message,
    make_recipient,
    make_relay,
    make_user,
    make_workspace,
)

pytestmark = pytest.mark.django_db


def launched(workspace, **counts):
    run = Run.objects.create(
        workspace=workspace,
        relay=make_relay(workspace),
        subject="Осень",
        from_email="news@lavka.example",
        selected=10,
    )
    minute = timezone.now().replace(second=0, microsecond=0)
    Tally.objects.create(workspace=workspace, run=run, minute=minute, **counts)
    return make_mailing(
        workspace, name="Осенние новинки", status=MailingStatus.RUNNING, run=run
    )


def figures(html):
    return re.findall(r"<dd>([^<]*)</dd>", html)


def test_a_visitor_reads_what_the_service_is_and_may_register_or_log_in():
    html = Client().get("/").text

    assert reverse("account_signup") in html
    assert reverse("account_login") in html


def test_an_empty_workspace_gets_three_steps_instead_of_figures(as_owner):
    html = as_owner.get("/").text

    assert html.count('class="step"') == 3
    assert 'class="tiles"' not in html


def test_steps_that_are_done_are_ticked(as_owner, workspace):
    make_recipient(workspace)
    make_message(workspace)

    assert as_owner.get("/").text.count('class="step is-done"') == 2


def test_the_steps_leave_when_something_was_launched(as_owner, workspace):
    make_recipient(workspace)
    launched(workspace, accepted=1)

    assert "step-mark" not in as_owner.get("/").text


def test_the_figures_count_mailings_active_ones_and_recipients(as_owner, workspace):
    make_recipient(workspace)
    make_recipient(workspace)
    make_mailing(workspace)
    launched(workspace, accepted=1)

    assert figures(as_owner.get("/").text) == ["2", "1", "2"]


def test_the_chart_s_table_tells_successful_and_not(as_owner, workspace):
    launched(workspace, accepted=7, failed=2, unknown=1, skipped=5)

    html = as_owner.get("/").text

    assert "data-chart" in html
    assert re.findall(r'data-value="(\d+)"', html)[-2:] == ["7", "3"]


def test_a_running_mailing_keeps_the_page_asking_and_a_finished_one_ends_it(
    as_owner, workspace
):
    mailing = launched(workspace, accepted=3)
    running = as_owner.get("/", headers={"HX-Request": "true"}).text
    mailing.status = MailingStatus.COMPLETED
    mailing.save(update_fields=["status"])
    finished = as_owner.get("/", headers={"HX-Request": "true"}).text

    assert 'hx-trigger="every 3s"' in running
    assert "hx-trigger" not in finished
    assert "<html" not in running


def test_a_viewer_is_offered_nothing_to_change(as_viewer):
    assert reverse("recipient-add") not in as_viewer.get("/").text


def test_a_stranger_sees_only_their_own(as_stranger, workspace):
    """SEC-01"""
    make_recipient(workspace)
    launched(workspace, accepted=1)

    html = as_stranger.get("/").text

    assert "Осенние новинки" not in html
    assert "Лавка" not in html


def test_somebody_without_a_workspace_is_asked_to_open_one():
    client = Client()
    client.force_login(make_user())

    assert client.get("/")["Location"] == reverse("workspace-open")


def test_the_page_costs_the_same_number_of_queries_with_many_mailings(
    as_owner, workspace, django_assert_max_num_queries
):
    other = make_workspace()
    for _ in range(6):
        launched(workspace, accepted=1)
        launched(other, accepted=1)

    with django_assert_max_num_queries(20):
        as_owner.get("/")
