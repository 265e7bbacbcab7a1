"""What stands in the way of a launch, by name."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from pochtar.delivery.models import RelayKind
from pochtar.mailings.preflight import Preflight, note_words
from pochtar.recipients.leaving import unsubscribe_recipient
from pochtar.recipients.models import UnsubscribedVia
from tests.make import (
    make_dkim_key,
    make_mailing,
    make_message,
    make_recipient,
    make_relay,
    make_sender,
)

pytestmark = pytest.mark.django_db
LEAVE = '<p><a href="{{ unsubscribe_url }}">x</a></p>'


def codes(mailing):
    return [each.code for each in Preflight(mailing, now=timezone.now()).problems]


def warned(mailing):
    """Return the warnings' codes and counts."""
    flight = Preflight(mailing, now=timezone.now())
    return [(each.code, each.count) for each in flight.warnings]


@pytest.fixture(autouse=True)
def _https(settings):
    settings.SECURE = True


def test_a_whole_mailing_has_no_problem(workspace):
    make_recipient(workspace)
    make_dkim_key(workspace, state="active")
    message = make_message(workspace, html=LEAVE)
    flight = Preflight(make_mailing(workspace, message=message), now=timezone.now())

    assert flight.ok
    assert flight.count == 1
    assert flight.warnings == []


@pytest.mark.parametrize(
    ("content", "warns"),
    [
        ({"html": "<p>Hi</p>"}, True),
        ({"html": LEAVE}, False),
        ({"html": LEAVE, "text": "Hi"}, True),
        ({"html": LEAVE, "text": "{{ unsubscribe_url }}"}, False),
        ({"html": "", "text": "{{ unsubscribe_url }}"}, False),
    ],
)
def test_a_letter_without_a_way_out_is_warned_about(workspace, content, warns):
    """MSG-08"""
    make_recipient(workspace)
    make_dkim_key(workspace, state="active")
    mailing = make_mailing(workspace, message=make_message(workspace, **content))

    assert warned(mailing) == ([("no_way_out", 0)] if warns else [])
    assert codes(mailing) == []


def test_without_https_nobody_can_leave_by_one_click(workspace, settings):
    """MSG-23"""
    settings.SECURE = False
    make_recipient(workspace)
    make_dkim_key(workspace, state="active")
    message = make_message(workspace, html=LEAVE)

    assert warned(make_mailing(workspace, message=message)) == [("unreachable", 0)]


def test_who_has_unsubscribed_is_counted_and_left_out(workspace):
    """MSG-25"""
    people = [make_recipient(workspace) for _ in range(3)]
    make_dkim_key(workspace, state="active")
    unsubscribe_recipient(people[0], via=UnsubscribedVia.PAGE)
    message = make_message(workspace, html=LEAVE)
    mailing = make_mailing(workspace, message=message)

    assert Preflight(mailing, now=timezone.now()).count == 2
    assert warned(mailing) == [("unsubscribed", 1)]


def test_an_audience_that_has_left_is_a_problem(workspace):
    """MSG-25"""
    unsubscribe_recipient(make_recipient(workspace), via=UnsubscribedVia.PAGE)

    assert codes(make_mailing(workspace)) == ["all_unsubscribed"]


def test_nobody_to_write_to_is_a_problem(workspace):
    assert codes(make_mailing(workspace)) == ["no_recipients"]


def test_no_sender_is_a_problem(workspace):
    make_recipient(workspace)

    assert codes(make_mailing(workspace, sender=None)) == ["no_sender"]


def test_a_stop_that_has_passed_is_a_problem(workspace):
    make_recipient(workspace)
    stop = timezone.now() - dt.timedelta(minutes=1)

    assert codes(make_mailing(workspace, stop_at=stop)) == ["stop_passed"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"html": "<p>{{ full_name</p>"}, "template_unclosed"),
        ({"html": "<p>{% if x %}</p>"}, "template_logic"),
        ({"html": "<p>{{ nobody_has_it }}</p>"}, "template_unknown_name"),
        ({"subject": "{{ 1x }}"}, "template_syntax"),
        ({"html": "", "text": ""}, "required"),
    ],
)
def test_a_mistake_in_the_message_is_a_problem_with_its_place(workspace, content, code):
    make_recipient(workspace)
    mailing = make_mailing(workspace, message=make_message(workspace, **content))
    problems = Preflight(mailing, now=timezone.now()).problems

    assert [each.code for each in problems] == [code]
    assert ":" in str(problems[0].text)


def test_a_sender_that_cannot_stand_in_a_header_is_a_problem(workspace):
    make_recipient(workspace)
    sender = make_sender(workspace, from_name="A\r\nBcc: x@example.com")

    assert codes(make_mailing(workspace, sender=sender)) == ["header_error"]


def test_those_who_lack_a_value_are_counted_in_a_warning(workspace):
    make_recipient(workspace, attributes={"город": "Тверь"})
    make_recipient(workspace, full_name="")
    html = "<p>{{ full_name }}, {{ город }}</p>" + LEAVE
    message = make_message(workspace, html=html)
    flight = Preflight(make_mailing(workspace, message=message), now=timezone.now())

    assert flight.ok
    assert [(each.name, each.count) for each in flight.warnings if each.name] == [
        ("full_name", 1),
        ("город", 1),
    ]


def test_a_launch_that_would_skip_everybody_is_a_problem(workspace):
    make_recipient(workspace, full_name="")
    message = make_message(workspace, html="<p>{{ full_name }}</p>")

    assert codes(make_mailing(workspace, message=message)) == ["everybody_lacks"]


def test_the_sandbox_is_named_in_a_warning(workspace, settings):
    make_recipient(workspace)
    relay = make_relay(workspace, kind=RelayKind.SANDBOX)
    sender = make_sender(workspace, relay=relay)
    message = make_message(workspace, html=LEAVE)
    settings.SECURE = False  # nobody outside gets the letters

    assert warned(make_mailing(workspace, sender=sender, message=message)) == [
        ("sandbox", 0)
    ]


def test_a_note_that_is_not_known_still_says_something():
    assert str(note_words("template_syntax"))
    assert note_words("") == ""


# DKIM -----------------------------------------------------------------------------------


def test_without_a_key_the_letters_go_unsigned_and_that_is_said(workspace):
    """DKIM-07"""
    make_recipient(workspace)
    message = make_message(workspace, html=LEAVE)
    mailing = make_mailing(workspace, message=message)

    flight = Preflight(mailing, now=timezone.now())
    assert flight.ok
    assert [each.code for each in flight.warnings] == ["dkim_unsigned"]
    assert "lavka.example" in str(flight.warnings[0].text)

    make_dkim_key(workspace)
    waiting = Preflight(mailing, now=timezone.now()).warnings
    assert [each.code for each in waiting] == ["dkim_waits"]


@pytest.mark.parametrize(
    ("verdict", "problems"),
    [("", []), ("matches", []), ("missing", ["dkim_mismatch"])],
)
def test_a_key_that_dns_does_not_show_is_a_problem(workspace, verdict, problems):
    """DKIM-07"""
    make_recipient(workspace)
    make_dkim_key(workspace, state="active", verdict=verdict)

    assert codes(make_mailing(workspace)) == problems
    assert note_words("dkim_mismatch")


def test_a_record_that_is_only_a_test_is_warned_about(workspace):
    """DKIM-07: such letters count as unsigned for many."""
    make_recipient(workspace)
    key = make_dkim_key(workspace, state="active", verdict="matches")
    key.found = key.record.replace("k=", "t=y; k=")
    key.save()
    mailing = make_mailing(workspace, message=make_message(workspace, html=LEAVE))

    flight = Preflight(mailing, now=timezone.now())

    assert flight.ok
    assert [each.code for each in flight.warnings] == ["dkim_testing"]
