"""Why somebody got a letter, or did not: its place, its tries, what comes next."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.utils import timezone, translation

from pochtar.delivery.models import Outcome, Run, RunStatus, Slice, SliceStatus
from pochtar.delivery.runs import pause_run
from pochtar.reports.explanation import VERDICTS, Mark, as_json
from pochtar.reports.steps import grouped
from tests.make import (
    make_mailing,
    make_relay,
    make_sender,
    make_user,
)
from tests.pochtar.reports.explaining import (
    ANNA,
    explained,
    keys,
    launched,
    retry_slice,
    step,
    tried,
)

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


# The place in the run ----------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "(1–3) waits for a worker"),
        ({"cursor": 1}, "has come to 1 and waits"),
        ({"status": SliceStatus.HELD}, "held back until the first letters"),
        ({"status": SliceStatus.DONE, "cursor": 3}, "(1–3) is finished"),
        ({"due_at": dt.datetime(2222, 1, 1, tzinfo=dt.UTC)}, "goes on at"),
        (
            {
                "status": SliceStatus.LEASED,
                "cursor": 1,
                "lease_token": "00000000-0000-7000-8000-000000000000",
                "lease_expires_at": dt.datetime(2222, 1, 1, tzinfo=dt.UTC),
            },
            "is being sent and has come to 1",
        ),
    ],
)
def test_the_place_in_the_run_says_how_far_its_part_has_come(mailing, fields, words):
    Slice.objects.filter(run=mailing.run).update(**fields)

    place = step(explained(mailing), "place")

    assert place.text == "Letter 2 of 3."
    assert words in place.detail


def test_a_letter_whose_turn_has_not_come_will_be_sent(mailing):
    explanation = explained(mailing)

    assert (explanation.verdict, keys(explanation)[-1]) == ("pending", "waiting")


def test_the_undo_window_is_waited_for(mailing):
    until = timezone.now() + HOUR
    Run.objects.filter(pk=mailing.run.pk).update(undo_until=until)

    assert step(explained(mailing), "waiting").at == until


def test_a_letter_behind_the_cursor_without_an_answer_is_being_sent(mailing):
    Slice.objects.filter(run=mailing.run).update(cursor=2)

    explanation = explained(mailing)

    assert (explanation.verdict, keys(explanation)[-1]) == ("sending", "sending")


def test_a_pause_and_its_reason_are_told(mailing):
    pause_run(mailing.run, code="connect_refused", text="127.0.0.1:25")

    explanation = explained(mailing)

    paused = step(explanation, "paused")
    assert "Nothing answers at this host and port." in paused.detail
    assert paused.reply == "127.0.0.1:25"
    assert "continued" in step(explanation, "waiting").detail


def test_the_time_to_stop_is_told(mailing):
    Run.objects.filter(pk=mailing.run.pk).update(
        stop_at=dt.datetime(2222, 1, 1, tzinfo=dt.UTC)
    )

    assert "2222" in step(explained(mailing), "waiting").detail


def test_a_cancelled_run_sends_nothing_more(mailing):
    Run.objects.filter(pk=mailing.run.pk).update(status=RunStatus.CANCELLED)

    assert keys(explained(mailing))[-2:] == ["cancelled", "not_sent"]


# Attempts ------------------------------------------------------------------------------
def test_smtp_05_an_attempt_tells_everything_that_was_kept_of_it(mailing):
    """SMTP-05"""
    tried(
        mailing,
        Outcome.FAILED,
        permanent=True,
        code=550,
        enhanced_code="5.1.1",
        reply="No such user\nhere",
        stage="rcpt",
        host="mx.example.com",
        peer="192.0.2.1",
        tls="TLSv1.3",
        duration_ms=12,
    )

    explanation = explained(mailing)
    attempt = step(explanation, "attempt_failed")

    assert (explanation.verdict, attempt.mark) == ("failed", Mark.BAD)
    assert attempt.text == "The mail server refused the letter for good."
    assert attempt.reply == "550 5.1.1 No such user\nhere"
    assert {fact.key: fact.value for fact in attempt.facts} == {
        "stage": "RCPT",
        "host": "mx.example.com (192.0.2.1)",
        "tls": "TLSv1.3",
        "took": "12 ms",
    }
    assert attempt.meaning
    assert attempt.meaning.key == "no_mailbox"
    assert str(attempt.meaning.meaning) == "There is no such mailbox."
    assert step(explanation, "not_again").detail == ""  # nobody reads it


def test_a_refusal_that_can_be_mended_asks_for_that_first(mailing):
    tried(mailing, Outcome.FAILED, permanent=True, code=554, reply="Spam message")

    assert step(explained(mailing), "not_again").detail.startswith("First mend")


def test_a_refusal_for_now_may_be_tried_once_more_by_hand(mailing):
    tried(mailing, Outcome.FAILED, code=451, reply="Later")

    explanation = explained(mailing)

    assert "for now" in step(explanation, "attempt_failed").text
    assert "once more" in step(explanation, "not_again").detail


def test_a_failure_without_a_server_gives_our_own_reason(mailing):
    tried(mailing, Outcome.FAILED, reason="bad_header", reply="To", permanent=True)

    attempt = step(explained(mailing), "attempt_failed")

    assert attempt.text == "The letter could not be handed over."
    assert attempt.detail.endswith("(To)")
    assert (attempt.reply, attempt.meaning) == ("", None)


def test_a_letter_that_was_taken_needs_no_advice_but_where_to_look(mailing):
    tried(mailing, Outcome.ACCEPTED, code=250, reply="Ok", queue_id="4XyZ")

    explanation = explained(mailing)

    assert (explanation.verdict, explanation.mark) == ("accepted", Mark.OK)
    assert step(explanation, "attempt_accepted").meaning is None
    assert "4XyZ" in step(explanation, "look_into_spam").detail


def test_a_letter_in_the_sandbox_did_not_leave(workspace, anna):
    relay = make_relay(workspace, kind="sandbox", host="")
    sender = make_sender(workspace, relay=relay)
    mailing = launched(make_mailing(workspace, sender=sender))
    tried(mailing, Outcome.ACCEPTED, code=250)

    assert keys(explained(mailing))[-1] == "in_sandbox"


def test_a_doubtful_letter_is_not_sent_again_by_itself(mailing):
    tried(mailing, Outcome.UNKNOWN, reason="interrupted")

    explanation = explained(mailing)

    assert (explanation.verdict, explanation.mark) == ("unknown", Mark.WARN)
    assert "program ended" in step(explanation, "attempt_unknown").detail
    assert "twice" in step(explanation, "not_again").detail


def test_who_was_left_out_is_told_why(mailing):
    tried(mailing, Outcome.SKIPPED, reason="missing_data", reply="city")

    explanation = explained(mailing)

    assert explanation.verdict == "skipped"
    skipped = step(explanation, "attempt_skipped")
    assert skipped.detail == "A value that the message needs is missing. (city)"


# What comes next -------------------------------------------------------------------------
def test_smtp_19_a_letter_that_was_put_off_says_when_it_is_tried_again(mailing):
    """SMTP-19"""
    tried(mailing, Outcome.DEFERRED, code=450, enhanced_code="4.7.1", stage="rcpt")
    due = timezone.now() + HOUR
    retry_slice(mailing, Outcome.DEFERRED, due_at=due)

    explanation = explained(mailing)

    assert explanation.verdict == "deferred"
    meaning = step(explanation, "attempt_deferred").meaning
    assert meaning
    assert meaning.key == "greylisted"
    again = step(explanation, "retry")
    assert (again.mark, again.at) == (Mark.NEXT, due)
    assert "it is given up" in again.detail


def test_an_earlier_stop_is_when_it_is_given_up(mailing):
    tried(mailing, Outcome.DEFERRED, code=450)
    Run.objects.filter(pk=mailing.run.pk).update(
        stop_at=dt.datetime(2020, 2, 3, tzinfo=dt.UTC)
    )
    retry_slice(mailing, Outcome.DEFERRED)

    assert "2020" in step(explained(mailing), "retry").detail


def test_a_pause_holds_the_next_try_up(mailing):
    tried(mailing, Outcome.DEFERRED, code=450)
    retry_slice(mailing, Outcome.DEFERRED)
    pause_run(mailing.run, code="by_person")

    assert "continued" in step(explained(mailing), "retry").detail


def test_a_cancelled_run_tries_nothing_again(mailing):
    tried(mailing, Outcome.DEFERRED, code=450)
    retry_slice(mailing, Outcome.DEFERRED)
    Run.objects.filter(pk=mailing.run.pk).update(status=RunStatus.CANCELLED)

    assert keys(explained(mailing))[-1] == "not_again"


def test_the_tries_are_told_in_their_order(mailing):
    tried(mailing, Outcome.DEFERRED, code=450)
    retry_slice(mailing, Outcome.DEFERRED, status=SliceStatus.DONE)
    tried(mailing, Outcome.ACCEPTED, number=2, code=250)

    explanation = explained(mailing)

    assert explanation.verdict == "accepted"
    tries = [one for one in explanation.steps if one.key.startswith("attempt_")]
    assert [one.text for one in tries] == [
        "The letter was put off.",
        "Try 2: The mail server took the letter.",
    ]


def test_a_person_who_asked_for_the_failed_is_told_that_it_comes(mailing):
    tried(mailing, Outcome.FAILED, code=550, permanent=True)
    retry_slice(mailing, Outcome.FAILED)

    assert keys(explained(mailing))[-1] == "retry"


# For programs ---------------------------------------------------------------------------
def test_every_state_of_a_delivery_has_a_verdict_in_words():
    states = {"pending", "sending", *Outcome.values}

    assert states <= set(VERDICTS)


def test_json_has_stable_keys_and_texts_in_the_language(mailing):
    tried(mailing, Outcome.FAILED, permanent=True, code=550, enhanced_code="5.1.1")

    said = json.loads(json.dumps(as_json(explained(mailing))))

    assert said["verdict"] == "failed"
    assert said["address"] == ANNA
    attempt = next(one for one in said["steps"] if one["key"] == "attempt_failed")
    assert attempt["meaning"]["kind"] == "no_mailbox"
    assert attempt["meaning"]["concern"] == "recipient"


def test_a_stranger_to_everything_costs_few_queries(
    mailing, django_assert_max_num_queries
):
    with django_assert_max_num_queries(8):
        explained(mailing, "nobody@example.com")


def test_an_explanation_costs_few_queries(mailing, django_assert_max_num_queries):
    tried(mailing, Outcome.ACCEPTED, code=250)
    with django_assert_max_num_queries(12):
        explained(mailing)


def test_the_launcher_may_be_gone(mailing, manager):
    Run.objects.filter(pk=mailing.run.pk).update(started_by=make_user())

    assert keys(explained(mailing)).count("launched") == 1


def test_thousands_are_grouped_as_the_reader_does():
    with translation.override("en"):
        assert grouped(1234567) == "1,234,567"
    with translation.override("ru"):
        assert grouped(1234567) == "1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567"
