"""A run from its launch to its end, over a real socket."""

from __future__ import annotations

import datetime as dt
from email import message_from_bytes, policy
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from mailcore.engine.types import Item
from mailcore.smtp.sink import Script, Step, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery import driver
from pochtar.delivery.driver import drive_run, drive_slice
from pochtar.delivery.ledger import audit_run, count_states
from pochtar.delivery.letters import Composer, composer_for_run
from pochtar.delivery.models import Attempt, Run, RunStatus, Slice, SliceStatus
from pochtar.delivery.outbox import SliceStore
from pochtar.delivery.runs import pause_run, recover_lease, resume_run
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


def test_a_pause_takes_effect_within_the_letters_in_hand(workspace: Workspace) -> None:
    """SMTP-26"""
    make_people(workspace, 100)
    script = Script(steps={"dot": Step(delay=0.005)})
    with sink_in_thread(script) as sink:
        run = launch(workspace, sink)

        def pause(batch: object) -> None:
            pause_run(run, code="by_person")

        drive_run(run, on_recorded=pause)
        counts = count_states(run)

        assert 0 < counts.accepted < 100
        assert counts.pending + counts.accepted == 100
        assert len(sink.accepted) == counts.accepted

        resume_run(run, nudge=False)
        drive_run(run)
    assert len({one.rcpt_to for one in sink.accepted}) == len(sink.accepted) == 100
    assert audit_run(run) == []


def test_a_stop_signal_leaves_the_run_running_and_the_rest_pending(
    workspace: Workspace,
) -> None:
    make_people(workspace, 100)
    seen: list[int] = []
    with sink_in_thread(Script(steps={"dot": Step(delay=0.005)})) as sink:
        run = launch(workspace, sink)
        run = drive_run(
            run,
            stopped=lambda: bool(seen),
            on_recorded=lambda batch: seen.append(len(batch)),
        )

    counts = count_states(run)
    assert run.status == RunStatus.RUNNING
    assert 0 < counts.accepted < 100
    assert (counts.sending, counts.unknown) == (0, 0)
    assert not Slice.objects.filter(run=run, status=SliceStatus.LEASED).exists()


def test_ctrl_c_in_a_database_call_loses_nobody(workspace: Workspace) -> None:
    make_people(workspace, 100)

    def interrupt(batch: object) -> None:
        raise KeyboardInterrupt

    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        with pytest.raises(KeyboardInterrupt):
            drive_run(run, on_recorded=interrupt)

    counts = count_states(run)
    assert counts.sending == 0
    assert counts.accepted + counts.unknown + counts.pending == 100
    assert len(sink.accepted) <= counts.accepted + counts.unknown
    assert audit_run(run) == []


def test_the_time_to_stop_ends_the_run_in_the_middle(workspace: Workspace) -> None:
    make_people(workspace, 200)
    soon = timezone.now() + dt.timedelta(seconds=1)
    with sink_in_thread(Script(steps={"dot": Step(delay=0.1)})) as sink:
        run = drive_run(launch(workspace, sink, stop_at=soon))

    counts = count_states(run)
    assert run.status == RunStatus.COMPLETED
    assert counts.accepted == len(sink.accepted) > 0
    assert counts.accepted + counts.skipped == 200


def test_a_bug_pauses_the_run_and_comes_out(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_people(workspace, 10)

    def broken(self: object, item: object, now: object) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr(Composer, "__call__", broken)
    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        with pytest.raises(TypeError):
            drive_run(run)

    run.refresh_from_db()
    assert (run.status, run.pause_code) == (RunStatus.PAUSED, "internal_error")
    assert not Slice.objects.filter(run=run, status=SliceStatus.LEASED).exists()


@pytest.mark.parametrize("is_back", [True, False])
def test_a_database_that_went_away_pauses_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, is_back: bool
) -> None:
    """SMTP-25: back at once or only later, the slice is freed and all goes on."""
    make_people(workspace, 10)

    def away(*args: object, **more: object) -> None:
        raise OperationalError("terminating connection")

    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        with monkeypatch.context() as patch:
            patch.setattr(SliceStore, "advance", away)
            if not is_back:
                patch.setattr(driver, "recover_lease", away)
            with pytest.raises(OperationalError):
                drive_slice(run)
        status = Slice.objects.get(run=run).status
        assert status == (SliceStatus.READY if is_back else SliceStatus.LEASED)
        run.refresh_from_db()
        assert run.status == RunStatus.RUNNING

        run = drive_run(run)

    assert (run.status, count_states(run).accepted) == (RunStatus.COMPLETED, 10)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"html": "{{ broken"}, "letter_broken"),
        ({"from_email": "nobody"}, "letter_broken"),
        ({"from_name": "a\nb"}, "letter_broken"),
    ],
)
def test_content_that_cannot_become_a_letter_pauses_the_run(
    workspace: Workspace, change: dict[str, str], code: str
) -> None:
    make_people(workspace, 3)
    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        Run.objects.update(**change)
        run = drive_run(run)

    assert (run.status, run.pause_code) == (RunStatus.PAUSED, code)
    assert (count_states(run).pending, sink.connections) == (3, 0)


def test_a_password_that_cannot_be_read_pauses_the_run(workspace: Workspace) -> None:
    """SEC-23"""
    make_people(workspace, 3)
    with sink_in_thread() as sink:
        run = launch(workspace, sink, relay={"username": "lavka"})
        run.relay.password_sealed = "v1:damaged"
        run.relay.save()
        run = drive_run(run)

    assert (run.status, run.pause_code) == (RunStatus.PAUSED, "password_unreadable")


def test_a_lease_that_was_taken_away_ends_the_slice_quietly(
    workspace: Workspace,
) -> None:
    """SMTP-26"""
    make_people(workspace, 60)

    def rob(batch: object) -> None:
        for slice_ in Slice.objects.filter(status=SliceStatus.LEASED):
            recover_lease(slice_, now=timezone.now())

    with sink_in_thread() as sink:
        run = launch(workspace, sink)
        report = drive_slice(run, on_recorded=rob)
        assert report
        assert not report.done
        run = drive_run(run)

    counts = count_states(run)
    assert counts.accepted + counts.unknown == 60
    assert len({one.rcpt_to for one in sink.accepted}) == len(sink.accepted)
    assert audit_run(run) == []


def test_sessions_stay_open_between_slices(workspace: Workspace, settings: Any) -> None:
    """SMTP-13"""
    settings.DELIVERY_SLICE_SIZE = 10
    settings.DELIVERY_CONNECTIONS = 2
    make_people(workspace, 80)
    with sink_in_thread() as sink:
        drive_run(launch(workspace, sink))

    assert (len(sink.accepted), sink.connections) == (80, 2)


def test_a_message_id_stays_the_same_on_every_try(workspace: Workspace) -> None:
    """MSG-14"""
    make_people(workspace, 1)

    def once(stage: str, argument: str, count: int) -> Step | None:
        return Step("451 4.3.0 later") if stage == "mail" and count == 1 else None

    with sink_in_thread(Script(choose=once)) as sink:
        run = launch(workspace, sink)
        composer = composer_for_run(run)
        item = Item(delivery_id=7, position=1, email="r0001@example.com")
        one = composer(item, timezone.now())
        two = composer(item, timezone.now() + dt.timedelta(days=1))
        drive_run(run)

    ids = {message_from_bytes(each.data)["Message-ID"] for each in (one, two)}
    assert len(ids) == 1
    assert sink.taken == 1
