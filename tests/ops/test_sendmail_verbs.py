"""``sendmail --status``, ``--pause``, ``--resume``, ``--cancel``."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from pochtar.delivery.models import Run, RunStatus
from pochtar.delivery.runs import lease_slice, pause_run
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import Mailing, MailingStatus
from tests.make import make_mailing, make_recipient

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailing(workspace, monkeypatch) -> Any:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    make_recipient(workspace)
    return make_mailing(workspace, name="Autumn")


@pytest.fixture
def running(mailing) -> Any:
    return launch_mailing(mailing, by=None, now=timezone.now())


def sendmail(capsys: Any, mailing: Any, *words: str) -> tuple[int, str]:
    """Return the exit status and what stood on stdout."""
    try:
        call_command("sendmail", str(mailing.pk), *words)
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    return status, capsys.readouterr().out


def test_status_tells_the_state_and_the_figures(capsys, running):
    status, said = sendmail(capsys, running, "--status")
    assert status == 0
    assert "Autumn · running" in said

    status, said = sendmail(capsys, running, "--status", "--json")
    report = json.loads(said)
    assert (status, report["status"], report["pending"]) == (0, "running", 1)
    assert report["selected"] == 1
    assert Run.objects.get().status == RunStatus.RUNNING


def test_status_of_a_mailing_that_was_not_launched(capsys, mailing):
    Mailing.objects.update(start_at=timezone.now() + dt.timedelta(days=1))

    status, said = sendmail(capsys, mailing, "--status", "--json")
    report = json.loads(said)
    assert (status, report["status"], report["run"]) == (0, "created", None)
    assert report["start_at"]
    assert "Start: " in sendmail(capsys, mailing, "--status")[1]


def test_status_says_why_it_is_paused(capsys, running):
    pause_run(running.run, code="many_refused", text="30/0/200 550 no")

    said = sendmail(capsys, running, "--status")[1]

    assert "Paused: The mail servers refused too many" in said
    assert "550 no" in said


def test_pause_and_resume_leave_the_sending_to_others(capsys, running):
    """SMTP-26"""
    status, said = sendmail(capsys, running, "--pause")
    assert status == 0
    assert "Paused: on the command line." in said
    assert sendmail(capsys, running, "--pause")[0] == 2

    status, said = sendmail(capsys, running, "--resume", "--json")
    assert (status, json.loads(said)["status"]) == (0, "running")
    assert sendmail(capsys, running, "--resume")[0] == 2
    assert Run.objects.get().driven_by == ""


def test_cancel_needs_no_worker(capsys, running):
    """SMTP-26"""
    status, said = sendmail(capsys, running, "--cancel", "--json")

    report = json.loads(said)
    assert (status, report["status"], report["skipped"]) == (0, "cancelled", 1)
    assert Run.objects.get().finished_at
    assert sendmail(capsys, running, "--cancel")[0] == 2
    assert sendmail(capsys, running)[0] == 2  # and it is not sent


def test_cancel_leaves_letters_in_hand_to_who_has_them(capsys, running):
    assert lease_slice(running.run)

    status, said = sendmail(capsys, running, "--cancel")

    assert (status, Run.objects.get().finished_at) == (0, None)
    assert "Autumn · cancelled" in said


def test_cancel_takes_a_schedule_back(capsys, mailing):
    mailing.start_at = timezone.now() + dt.timedelta(days=1)
    mailing.save()
    launch_mailing(mailing, by=None, now=timezone.now())

    assert sendmail(capsys, mailing, "--cancel")[0] == 0
    assert Mailing.objects.get().status == MailingStatus.CREATED


def test_a_refusal_has_a_stable_code(capsys, mailing):
    status, said = sendmail(capsys, mailing, "--pause", "--json")

    assert status == 2
    assert json.loads(said)["code"] == "cannot_pause"


def test_two_verbs_at_once_are_refused(mailing):
    with pytest.raises(CommandError):
        call_command("sendmail", str(mailing.pk), "--pause", "--cancel")
