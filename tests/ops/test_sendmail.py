"""``manage.py sendmail`` as a program of its own, over real SMTP."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone, translation

from mailcore.smtp.sink import Script, Sink, Step, sink_in_thread
from pochtar.delivery.ledger import audit_run, count_states
from pochtar.delivery.models import Run, RunStatus
from pochtar.delivery.runs import lease_slice
from pochtar.mailings.launch import launch_mailing
from pochtar.mailings.models import Mailing, MailingStatus
from pochtar.ops.management.commands.sendmail import language
from pochtar.recipients.models import Recipient
from tests.make import make_mailing, make_relay, make_sender, make_user, make_workspace

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60


def environment() -> dict[str, str]:
    """Point a program at the database of the tests, whichever it is."""
    options = connection.settings_dict
    if connection.vendor == "sqlite":
        address = f"sqlite:///{options['NAME']}"
    else:
        where = f"{options['HOST'] or ''}:{options['PORT'] or ''}".rstrip(":")
        login = f"{options['USER']}:{options['PASSWORD']}".rstrip(":")
        address = f"postgres://{login}@{where}/{options['NAME']}"
    return {**os.environ, "DATABASE_URL": address, "LANG": "en_US.UTF-8", "LC_ALL": ""}


def command(*words: str) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), "sendmail", *words]


def sendmail(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture
def sink() -> Iterator[Sink]:
    with sink_in_thread() as server:
        yield server


def mailing_over(port: int, count: int = 3, **over: Any) -> Mailing:
    workspace = make_workspace(make_user())
    Recipient.objects.bulk_create(
        Recipient(
            workspace=workspace,
            email=f"p{number}@example.com",
            email_key=f"p{number}@example.com",
            full_name="Анна",
            basis="consent",
        )
        for number in range(count)
    )
    relay = make_relay(workspace, port=port)
    over.setdefault("sender", make_sender(workspace, relay=relay))
    return make_mailing(workspace, **over)


def run_of(mailing: Mailing) -> Run:
    run: Run = Run.objects.get(mailing=mailing)
    return run


def letters(sink: Sink) -> Counter[str]:
    return Counter(letter.rcpt_to for letter in sink.accepted)


# To the end ---------------------------------------------------------------------------


def test_everybody_accepted_is_exit_0_and_lines_in_a_pipe(sink):
    mailing = mailing_over(sink.port)

    done = sendmail(str(mailing.pk))

    assert done.returncode == 0, done.stderr
    assert "“Осенние новинки” from Лавка <news@lavka.example>" in done.stdout
    assert "3 of 3: accepted 3, failed 0, unknown 0, skipped 0" in done.stdout
    assert done.stderr == ""
    assert letters(sink) == {f"p{number}@example.com": 1 for number in range(3)}
    assert Mailing.objects.get().status == MailingStatus.COMPLETED


def test_who_gets_nothing_is_said_with_the_reason(sink):
    """LAW-02, BNC-07"""
    mailing = mailing_over(sink.port)
    Recipient.objects.filter(email="p0@example.com").update(basis="")
    Recipient.objects.filter(email="p1@example.com").update(suppressed=True)

    done = sendmail(str(mailing.pk))

    assert "1 recipient is on the stop list and is left out." in done.stdout
    assert "1 recipient is unconfirmed and will be skipped" in done.stdout
    assert "2 of 2: accepted 1, failed 0, unknown 0, skipped 1" in done.stdout
    assert letters(sink) == {"p2@example.com": 1}


def test_failures_are_exit_1_and_the_commonest_answers_are_shown():
    refusal = Step("550 5.1.1 No such user")
    script = Script(recipients={"p1@example.com": refusal})
    with sink_in_thread(script) as sink:
        done = sendmail(str(mailing_over(sink.port).pk))

    assert done.returncode == 1
    assert "accepted 2, failed 1" in done.stdout
    assert "1 × 550 5.1.1 No such user" in done.stdout


def test_json_is_one_object_on_stdout(sink):
    done = sendmail(str(mailing_over(sink.port).pk), "--json")

    said = json.loads(done.stdout)
    assert (said["status"], said["exit"], said["accepted"]) == ("completed", 0, 3)
    assert said["selected"] == sum(
        said[name]
        for name in ("accepted", "failed", "deferred", "unknown", "skipped", "pending")
    )
    assert done.stderr == ""


# What cannot be launched ----------------------------------------------------------------


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run the command here; return the code it gives, once it refused with 2."""
    with pytest.raises(SystemExit) as caught:
        call_command("sendmail", *words, "--json")
    said = capsys.readouterr()
    assert caught.value.code == 2
    assert said.err.strip()
    code: str = json.loads(said.out.splitlines()[-1])["code"]
    return code


def test_bad_and_unknown_ids_are_refused(capsys):
    assert refused(capsys, "nonsense") == "bad_id"
    assert refused(capsys, "018f0000-0000-7000-8000-000000000000") == "no_mailing"


def test_what_stands_in_the_way_is_named(capsys):
    now = timezone.now()
    hour = dt.timedelta(hours=1)
    cases = {
        "no_recipients": mailing_over(1, count=0),
        "no_sender": mailing_over(1, sender=None),
        "stop_passed": mailing_over(1, stop_at=now - hour),
        "start_not_reached": mailing_over(1, start_at=now + hour),
    }
    broken = mailing_over(1)
    broken.message.html = "<p>{{ full_name"
    broken.message.save()
    cases["template_unclosed"] = broken

    assert {code: refused(capsys, str(row.pk)) for code, row in cases.items()} == {
        code: code for code in cases
    }
    assert not Run.objects.exists()


def test_a_completed_mailing_is_not_sent_again(capsys, sink):
    mailing = mailing_over(sink.port)
    call_command("sendmail", str(mailing.pk))

    assert refused(capsys, str(mailing.pk)) == "already_completed"
    assert letters(sink).total() == 3


def test_a_mailing_that_somebody_drives_is_left_alone(capsys):
    mailing = mailing_over(1)
    launch_mailing(mailing, by=None, now=timezone.now(), nudge=False)
    assert lease_slice(run_of(mailing))

    assert refused(capsys, str(mailing.pk)) == "already_running"


def test_now_does_not_wait_for_the_start(sink):
    ahead = timezone.now() + dt.timedelta(hours=1)
    mailing = mailing_over(sink.port, start_at=ahead)

    call_command("sendmail", str(mailing.pk), "--now")

    assert letters(sink).total() == 3


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (Script(steps={"mail": Step("550 5.7.1 Not you")}), "sender_refused"),
        (Script(steps={"banner": Step("554 5.3.2 Closed")}), "refused"),
    ],
)
def test_a_mail_server_in_trouble_pauses_with_exit_2(capsys, script, code):
    with sink_in_thread(script) as sink:
        mailing = mailing_over(sink.port)
        with pytest.raises(SystemExit) as caught:
            call_command("sendmail", str(mailing.pk), "--json")

    said = capsys.readouterr()
    assert caught.value.code == 2
    assert json.loads(said.out)["pause"]["code"] == code
    assert "sendmail" in said.err  # how to go on
    assert Mailing.objects.get().status == MailingStatus.PAUSED


def test_a_mail_server_that_is_away_loses_nobody(capsys):
    mailing = mailing_over(9)
    with pytest.raises(SystemExit):
        call_command("sendmail", str(mailing.pk), "--json")

    assert json.loads(capsys.readouterr().out)["pending"] == 3


# Hand over, list -----------------------------------------------------------------------


def test_detach_hands_it_to_the_workers(capsys):
    mailing = mailing_over(1)

    call_command("sendmail", str(mailing.pk), "--detach")

    assert run_of(mailing).status == RunStatus.RUNNING
    assert refused(capsys, str(mailing.pk), "--detach") == "already_running"


def test_without_an_id_it_lists_what_can_be_launched(capsys):
    mailing = mailing_over(1, name="Осень")

    call_command("sendmail")
    assert f"{mailing.pk}" in capsys.readouterr().out
    call_command("sendmail", "--json")
    assert json.loads(capsys.readouterr().out)["mailings"][0]["recipients"] == 3


@pytest.mark.parametrize(
    ("lang", "expected"),
    [("en_US.UTF-8", "en"), ("ru_RU.UTF-8", "ru"), ("C.UTF-8", "ru"), ("", "ru")],
)
def test_it_speaks_the_terminals_language(monkeypatch, lang, expected):
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", lang)

    assert language() == expected
    assert settings.LANGUAGE_CODE == "ru"
    assert translation.get_language() == "ru"


# Stopped and killed ----------------------------------------------------------------------


def started(mailing: Mailing) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(str(mailing.pk), "--json"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(sink: Sink, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(sink.accepted) < count:
        assert time.monotonic() < deadline, "no letters came"
        time.sleep(0.02)


@pytest.fixture
def slow_sink() -> Iterator[Sink]:
    with sink_in_thread(Script(steps={"dot": Step(delay=0.05)})) as server:
        yield server


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(slow_sink, number):
    mailing = mailing_over(slow_sink.port, count=150)
    process = started(mailing)
    wait_for(slow_sink, 20)

    begun = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 130, err
    assert time.monotonic() - begun < 10
    assert "Continue: python manage.py sendmail" in err
    said = json.loads(out)
    assert (said["status"], said["unknown"]) == ("paused", 0)
    assert said["accepted"] == letters(slow_sink).total() < 150
    assert run_of(mailing).pause_code == "interrupted"

    assert sendmail(str(mailing.pk)).returncode == 0
    assert letters(slow_sink) == {f"p{number}@example.com": 1 for number in range(150)}


def test_smtp_24_killed_half_way_nobody_is_lost_and_nobody_gets_two(slow_sink):
    """The issue's 2,000 made 300: SIGKILL, then the same command again."""
    mailing = mailing_over(slow_sink.port, count=300)
    process = started(mailing)
    wait_for(slow_sink, 80)
    process.kill()
    process.communicate()
    before = letters(slow_sink).total()

    done = sendmail(str(mailing.pk), "--json")

    said = json.loads(done.stdout)
    run = run_of(mailing)
    got = letters(slow_sink)
    assert before < 300
    assert said["status"] == "completed"
    assert said["exit"] == done.returncode == (1 if said["unknown"] else 0)
    assert set(got.values()) == {1}
    assert said["accepted"] + said["unknown"] == 300
    # Some of the unknown ones did arrive: that is what unknown means.
    assert said["accepted"] <= got.total() <= 300
    # At most one chunk a connection can be in doubt.
    most = settings.DELIVERY_CONNECTIONS * settings.DELIVERY_CHUNK_PER_CONNECTION
    assert said["unknown"] <= most
    assert audit_run(run) == []
    assert count_states(run).selected == 300


def test_smtp_26_two_commands_at_once_send_everything_once(slow_sink):
    mailing = mailing_over(slow_sink.port, count=60)

    both = [started(mailing), started(mailing)]
    ends = [process.communicate(timeout=PATIENCE) for process in both]

    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 0], [0, 2]), ends
    assert letters(slow_sink) == {f"p{number}@example.com": 1 for number in range(60)}
    assert Run.objects.count() == 1
