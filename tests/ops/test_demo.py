"""``manage.py demo``: built once, looked at, built anew."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.test import Client

from mailcore.compose import LetterSource, Mailbox, compile_letter
from pochtar.accounts.models import User, Workspace
from pochtar.content.checks import BUILT_IN_NAMES, UNSUBSCRIBE_NAME
from pochtar.content.models import Message
from pochtar.delivery.models import Attempt, Delivery, Run, Tally
from pochtar.mailings import demo
from pochtar.mailings.demo_data import LETTERS_IN_ORDER, WORKSPACE, people
from pochtar.mailings.models import Mailing, MailingStatus
from pochtar.recipients.models import Recipient, RecipientList
from tests.make import make_mailing, make_user, make_workspace

FEW = 120


@pytest.fixture
def built(db, monkeypatch) -> str:
    """The demonstration with fewer people; what the command printed."""
    monkeypatch.setattr(demo, "PEOPLE", FEW)
    output = StringIO()
    call_command("demo", stdout=output, no_color=True)
    return output.getvalue()


def test_the_printed_login_opens_the_workspace(built):
    (password,) = re.findall(r": +(\S+)\n$", built)

    assert demo.LOGIN in built
    user = User.objects.get(email=demo.LOGIN)
    assert user.check_password(password)
    assert Workspace.objects.visible_to(user).count() == 1


def test_there_are_recipients_lists_and_six_messages(built):
    assert Recipient.objects.count() == FEW
    assert RecipientList.objects.count() == 5
    assert Message.objects.count() == 6


def test_there_is_a_mailing_in_every_state(built):
    found = set(Mailing.objects.values_list("status", flat=True))

    assert found == set(MailingStatus.values)


def test_every_run_adds_up(built):
    for run in Run.objects.all():
        attempts = Counter(
            Attempt.objects.filter(run=run).values_list("outcome", flat=True)
        )
        totals = Tally.objects.filter(run=run).aggregate(
            **{name: Sum(name) for name in ("accepted", "failed", "skipped", "unknown")}
        )

        assert Delivery.objects.filter(run=run).count() == run.selected
        assert {name: attempts[name] for name in totals} == totals
        cursors = run.slices.aggregate(last=Sum("cursor") - Sum("first_position"))
        tried = cursors["last"] + run.slices.count()
        assert sum(attempts.values()) == tried


def test_a_second_time_it_refuses_and_keeps_what_is_there(built):
    before = Workspace.objects.get().pk

    with pytest.raises(CommandError):
        call_command("demo")

    assert Workspace.objects.get().pk == before


def test_fresh_rebuilds_only_the_demonstration(built):
    other = make_mailing(make_workspace(make_user()))
    before = Workspace.objects.get(name=WORKSPACE).pk

    call_command("demo", fresh=True, stdout=StringIO())

    assert Workspace.objects.get(name=WORKSPACE).pk != before
    assert Mailing.objects.filter(pk=other.pk).exists()
    assert Recipient.objects.count() == FEW


@pytest.mark.parametrize("letter", LETTERS_IN_ORDER, ids=lambda letter: letter.file)
def test_every_letter_composes_for_somebody_who_has_all_values(letter):
    compiled = compile_letter(
        LetterSource(
            subject=letter.subject,
            preheader=letter.preheader,
            html=letter.html,
            text="",
            sender=Mailbox(name="Полдень", address="news@poldencoffee.example"),
        )
    )
    keys = set(BUILT_IN_NAMES)
    for person in people(300, dt.date(2026, 11, 1)):
        keys |= person.attributes.keys()

    assert compiled.names <= keys
    assert UNSUBSCRIBE_NAME in compiled.names
    assert compiled.required <= {"дата_покупки", "email", UNSUBSCRIBE_NAME}


def test_the_home_page_opens_for_the_demonstration(built):
    client = Client()
    client.force_login(User.objects.get(email=demo.LOGIN))

    assert client.get("/").status_code == 200
