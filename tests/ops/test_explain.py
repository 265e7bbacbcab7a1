"""``manage.py explain``."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.utils import timezone, translation

from pochtar.delivery.models import Attempt
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import Mailing
from tests.make import make_mailing, make_recipient

pytestmark = pytest.mark.django_db
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")


@pytest.fixture
def mailing(workspace) -> Mailing:
    make_recipient(workspace, "anna@example.com", full_name="Anna")
    mailing = make_mailing(workspace)
    launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)
    assert mailing.run
    Attempt.objects.create(
        workspace=workspace,
        run=mailing.run,
        delivery=mailing.run.deliveries.get(),
        outcome="failed",
        permanent=True,
        code=552,
        enhanced_code="5.2.2",
        reply="Mailbox is full\nSorry",
        stage="rcpt",
        host="mx.example.com",
        at=timezone.now(),
    )
    return mailing


def test_the_command_tells_the_story(mailing, capsys):
    call_command("explain", str(mailing.pk), "ANNA@example.com")

    said = capsys.readouterr().out
    assert said.startswith("anna@example.com: Did not get it: the letter was not taken")
    assert "✓ Anna <anna@example.com> is a recipient of the workspace." in said
    assert "✗ The mail server refused the letter for good." in said
    assert "    « 552 5.2.2 Mailbox is full\n    « Sorry" in said
    assert "The recipient's address: The mailbox is full." in said
    assert "What to do: Try again in a few days" in said
    assert "Stage: RCPT; Mail server: mx.example.com; Encryption: none" in said


def test_times_are_those_of_the_workspace(mailing, workspace, capsys):
    workspace.time_zone = "Asia/Vladivostok"
    workspace.save()
    attempt = Attempt.objects.get()
    local = timezone.localtime(attempt.at, workspace.tz)

    call_command("explain", str(mailing.pk), "anna@example.com")

    assert f"for good.  {local:%-d}" in capsys.readouterr().out


def test_json_is_for_programs(mailing, capsys):
    call_command("explain", str(mailing.pk), "anna@example.com", "--json")

    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] == "failed"
    assert said["mailing"] == str(mailing.pk)
    assert [step["key"] for step in said["steps"]] == [
        *("recipient", "audience", "launched", "place"),
        *("attempt_failed", "not_again"),
    ]


@pytest.mark.parametrize(
    ("mailing_id", "address", "code", "words"),
    [
        ("nonsense", "anna@example.com", "bad_id", "is no id of a mailing"),
        (NOBODY, "anna@example.com", "no_mailing", "There is no mailing"),
        ("", "anna", "not_an_address", "anna: This is not an e-mail address."),
        ("", "x@example.com", "no_such_address", "x@example.com: There is no such"),
    ],
)
def test_what_cannot_be_explained_is_refused(
    mailing, capsys, mailing_id, address, code, words
):
    with pytest.raises(SystemExit) as caught:
        call_command("explain", mailing_id or str(mailing.pk), address, "--json")

    said = capsys.readouterr()
    assert caught.value.code == 2
    assert words in said.err
    assert json.loads(said.out)["code"] == code


def test_the_command_speaks_the_terminals_language(mailing, capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "ru_RU.UTF-8")
    with translation.override("en"):
        call_command("explain", str(mailing.pk), "anna@example.com")

        assert translation.get_language() == "en"
    assert "Этап" in capsys.readouterr().out
