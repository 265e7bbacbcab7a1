"""``manage.py sendmail`` in words, and the ways into a mailing that is not new."""

from __future__ import annotations

import json
import signal

import pytest
from django.core.management import call_command
from django.utils import timezone, translation

from mailcore.smtp.sink import Script, Step, sink_in_thread
from pochtar.delivery.models import Run, RunStatus
from pochtar.delivery.runs import pause_run
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import Mailing
from pochtar.ops.management.commands.sendmail import Stopped
from tests.make import make_mailing, make_recipient, make_relay, make_sender

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")


def mailing_over(workspace, port: int) -> Mailing:
    for number in range(3):
        make_recipient(workspace, f"p{number}@example.com")
    sender = make_sender(workspace, relay=make_relay(workspace, port=port))
    return make_mailing(workspace, sender=sender)


def paused(workspace, port: int) -> Mailing:
    mailing = mailing_over(workspace, port)
    launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)
    assert mailing.run
    pause_run(mailing.run, code="by_person")
    return mailing


def test_a_paused_mailing_goes_on(workspace, capsys):
    with sink_in_thread() as sink:
        call_command("sendmail", str(paused(workspace, sink.port).pk))

        assert len(sink.accepted) == 3
    assert "3 of 3: accepted 3" in capsys.readouterr().out


def test_a_run_whose_driver_died_goes_on(workspace):
    with sink_in_thread() as sink:
        mailing = mailing_over(workspace, sink.port)
        launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)

        call_command("sendmail", str(mailing.pk))

        assert len(sink.accepted) == 3


def test_detach_continues_a_paused_mailing(workspace, capsys):
    mailing = paused(workspace, 1)

    call_command("sendmail", str(mailing.pk), "--detach", "--json")

    assert json.loads(capsys.readouterr().out)["status"] == "running"
    assert Run.objects.get().status == RunStatus.RUNNING


def test_a_refusal_is_said_on_stderr_only(capsys):
    with pytest.raises(SystemExit) as caught:
        call_command("sendmail", "nonsense")

    said = capsys.readouterr()
    assert caught.value.code == 2
    assert (said.out, said.err) == ("", "“nonsense” is no id of a mailing.\n")


def test_a_pause_is_explained_with_the_servers_words(workspace, capsys):
    script = Script(steps={"mail": Step("550 5.7.1 Not you")})
    with sink_in_thread(script) as sink, pytest.raises(SystemExit) as caught:
        call_command("sendmail", str(mailing_over(workspace, sink.port).pk))

    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert "The server refused the sender's address." in said
    assert "550 5.7.1 Not you" in said
    assert "Continue: python manage.py sendmail" in said


def test_without_mailings_the_list_says_so(capsys):
    call_command("sendmail")

    assert capsys.readouterr().out == "There is no mailing to launch.\n"


def test_asked_twice_it_stops_at_once():
    stopped = Stopped()
    stopped(signal.SIGINT, None)
    assert stopped.asked

    with pytest.raises(KeyboardInterrupt):
        stopped(signal.SIGINT, None)


def test_the_command_leaves_the_language_as_it_was():
    with translation.override("ru"):
        call_command("sendmail")

        assert translation.get_language() == "ru"
