"""A run from its launch to its end, over a real socket."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest

from mailcore.smtp.sink import Script, Step, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery.driver import drive_run, drive_slice
from pochtar.delivery.ledger import audit_run, count_states
from pochtar.delivery.models import Attempt, Run, RunStatus
from pochtar.delivery.runs import resume_run
from tests.make import make_recipient
from tests.pochtar.delivery.launching import launch, make_people

pytestmark = pytest.mark.django_db


def test_a_run_reaches_everybody_once(workspace: Workspace) -> None:
    people = make_people(workspace, 120)
    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        seen: list[int] = []
        run = drive_run(run, on_recorded=lambda batch: seen.append(len(batch)))

    assert (run.status, run.finished_at is not None) == (RunStatus.COMPLETED, True)
    assert count_states(run).accepted == sum(seen) == 120
    assert sorted(one.rcpt_to for one in sink.accepted) == [one.email for one in people]
    assert audit_run(run) == []


def test_each_letter_is_its_recipients_own(workspace: Workspace) -> None:
    make_recipient(
        workspace,
        "Anna@example.com",
        full_name="Анна",
        attributes={"город": "Тверь", "unused": "x"},
    )
    content = {
        "subject": "{{ full_name }} из {{ город }}",
        "html": "<p>{{ email }}</p>",
    }
    with sink_in_thread() as sink:
        drive_run(launch(workspace, sink, message=content))

    (letter,) = sink.accepted
    parsed = message_from_bytes(letter.data, policy=policy.default)
    assert letter.mail_from == "news@lavka.example"
    assert parsed["Subject"] == "Анна из Тверь"
    assert parsed["To"].addresses[0].addr_spec == "Anna@example.com"
    assert parsed["Date"].datetime.utcoffset().total_seconds() == 3 * 3600
    assert parsed["Message-ID"].endswith("@lavka.example>")
    text = parsed.get_body(("plain",))
    assert text
    assert "Anna@example.com" in text.get_content()


def test_the_attempt_keeps_the_whole_reply(workspace: Workspace) -> None:
    """SMTP-05"""
    make_people(workspace, 2)
    script = Script(
        recipients={"r0002@example.com": Step("550-5.1.1 no\r\n550 5.1.1 one")}
    )
    with sink_in_thread(script) as sink:
        run = drive_run(launch(workspace, sink))

    good, bad = Attempt.objects.filter(run=run).order_by("delivery__position")
    assert (good.outcome, good.code, good.queue_id) == ("accepted", 250, "SINK000001")
    assert (bad.outcome, bad.permanent, bad.code) == ("failed", True, 550)
    assert (bad.enhanced_code, bad.reply, bad.stage) == ("5.1.1", "no\none", "rcpt")
    assert (bad.host, bad.peer, bad.number) == ("127.0.0.1", "127.0.0.1", 1)
    assert run.status == RunStatus.COMPLETED


def test_missing_data_and_deleted_people_are_skipped(workspace: Workspace) -> None:
    people = make_people(workspace, 3, full_name="")
    people[0].full_name = "Анна"
    people[0].save()
    with sink_in_thread() as sink:
        run = launch(workspace, sink, message={"subject": "{{ full_name }}, привет"})
        people[2].delete()
        run = drive_run(run)

    reasons = Attempt.objects.filter(run=run, outcome="skipped")
    assert sorted(reasons.values_list("reason", flat=True)) == [
        "missing_data",
        "recipient_deleted",
    ]
    assert count_states(run).accepted == len(sink.accepted) == 1


def test_a_relay_that_is_down_pauses_the_run_with_a_reason(
    workspace: Workspace,
) -> None:
    make_people(workspace, 3)
    with sink_in_thread() as sink:
        run = launch(workspace, sink)
    run = drive_run(run)

    assert (run.status, run.pause_code) == (RunStatus.PAUSED, "connect_refused")
    assert run.pause_text == f"127.0.0.1:{sink.port}"
    assert count_states(run).pending == 3

    with sink_in_thread() as other:
        Run.objects.get(pk=run.pk)
        run.relay.port = other.port
        run.relay.save()
        assert resume_run(run, nudge=False)
        run = drive_run(run)
    assert count_states(run).accepted == 3


def test_nothing_to_lease_is_none(workspace: Workspace) -> None:
    make_people(workspace, 1)
    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        assert drive_slice(run, slice_id=0) is None
        report = drive_slice(run)
        assert report
        assert report.done
        assert drive_slice(run) is None
