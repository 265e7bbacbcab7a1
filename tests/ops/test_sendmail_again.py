"""``sendmail --retry-failed`` and ``--send-unknown``, over real SMTP."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from mailcore.smtp.sink import Script, Step, sink_in_thread
from pochtar.delivery.models import Slice
from pochtar.mailings.models import Mailing, MailingStatus
from tests.ops.test_sendmail import mailing_over
from tests.pochtar.delivery.passing import answers

pytestmark = pytest.mark.django_db(transaction=True)
NO_MAILBOX, LATER = "550 5.1.1 no such user", "451 4.3.0 later"


def sendmail(capsys: Any, *words: str) -> dict[str, Any]:
    """Run the command here; return its JSON."""
    with contextlib.suppress(SystemExit):
        call_command("sendmail", *words, "--json")
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_those_who_failed_for_now_then_all_are_tried_again(capsys: Any) -> None:
    with sink_in_thread(answers(p0=[LATER], p1=[NO_MAILBOX])) as sink:
        pk = str(mailing_over(sink.port).pk)
        assert sendmail(capsys, pk)["failed"] == 2
        said = sendmail(capsys, pk, "--retry-failed")
        assert (said["exit"], said["accepted"], said["failed"]) == (1, 2, 1)
        said = sendmail(capsys, pk, "--retry-failed", "--all")

    assert (said["exit"], said["accepted"]) == (0, 3)
    assert Mailing.objects.get().status == MailingStatus.COMPLETED


def test_the_unknown_get_it_again(capsys: Any) -> None:
    """SMTP-24"""
    script = Script(dots={"p1@example.com": Step(drop=True)})
    with sink_in_thread(script) as sink:
        pk = str(mailing_over(sink.port).pk)
        assert sendmail(capsys, pk)["unknown"] == 1
        script.dots = {}
        said = sendmail(capsys, pk, "--send-unknown")

    assert (said["exit"], said["accepted"], said["unknown"]) == (0, 3, 0)


def test_nobody_left_is_a_refusal(capsys: Any) -> None:
    with sink_in_thread() as sink:
        pk = str(mailing_over(sink.port).pk)
        sendmail(capsys, pk)

        assert sendmail(capsys, pk, "--retry-failed")["code"] == "nobody_failed"
        assert sendmail(capsys, pk, "--send-unknown")["code"] == "nobody_unknown"


def test_workers_can_do_it(capsys: Any) -> None:
    with sink_in_thread(answers(p0=[LATER])) as sink:
        pk = str(mailing_over(sink.port).pk)
        sendmail(capsys, pk)
        said = sendmail(capsys, pk, "--retry-failed", "--detach")

    assert said["status"] == "running"
    assert Slice.objects.get(source="failed").cursor == 0


def test_a_foreground_run_waits_for_the_next_try(capsys: Any, settings: Any) -> None:
    """SMTP-19"""
    settings.RETRY_HOURS = 72
    settings.RETRY_MINUTES = [0.02]
    with sink_in_thread(answers(p0=[LATER, LATER])) as sink:
        said = sendmail(capsys, str(mailing_over(sink.port).pk))

    assert (said["exit"], said["accepted"], said["deferred"]) == (0, 3, 0)


def test_all_alone_is_a_mistake() -> None:
    with pytest.raises(CommandError, match="--retry-failed"):
        call_command("sendmail", str(mailing_over(25).pk), "--all")
