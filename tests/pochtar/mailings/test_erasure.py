"""Erasing a person (LAW-06)."""

from __future__ import annotations

import base64

import pytest
from django.utils import timezone

from pochtar.accounts.models import AuditEntry, Role
from pochtar.accounts.services import write_audit
from pochtar.base.addresshash import hash_address
from pochtar.base.errors import Conflict, NotAllowed
from pochtar.delivery.ledger import count_states
from pochtar.delivery.models import Attempt, Delivery, Slice
from pochtar.mailings.erasure import erase_person
from pochtar.mailings.launch import launch_mailing
from pochtar.recipients.leaving import unsubscribe_recipient
from pochtar.recipients.models import (
    Recipient,
    Suppression,
    SuppressionReason,
    UnsubscribedVia,
)
from pochtar.recipients.services import Person, change_recipient, create_recipient
from pochtar.sandbox.models import CapturedMessage
from tests.everywhere import find_everywhere
from tests.make import (
    make_captured,
    make_list,
    make_mailing,
    make_member,
    make_recipient,
)

pytestmark = pytest.mark.django_db

ADDRESS = "Zinaida.Distinctova@pochta.example"
LATER = "Z.Distinctova-Novaya@pochta.example"
NAME = "Зинаида Неповторимая"
NEEDLES = (
    *("Zinaida.Distinctova", "Distinctova", "Z.Distinctova-Novaya"),
    *("Неповторимая", "Крутояр-на-Волге", "любит сирень"),
)


@pytest.fixture
def manager(workspace):
    return make_member(workspace, role=Role.MANAGER)


@pytest.fixture
def known(workspace, manager):
    """A person of whom every table knows something."""
    row = create_recipient(
        workspace,
        Person(
            email=ADDRESS,
            full_name=NAME,
            comment="любит сирень",
            attributes={"город": "Крутояр-на-Волге"},
        ),
        by=manager,
    )
    make_list(workspace, row)
    make_mailing(workspace, audience="picked").picked.add(row)
    _write_to(row, manager)
    attributes = {"город": "Крутояр-на-Волге"}
    person = Person(email=LATER, full_name=NAME, attributes=attributes)
    change_recipient(row, person, by=manager)
    unsubscribe_recipient(row, via=UnsubscribedVia.PAGE)
    write_audit(workspace, by=manager, verb="noted", subject=workspace, email=LATER)
    Suppression.objects.create(
        workspace=workspace,
        address_hash=hash_address(row.email_key),
        email=LATER,
        reason=SuppressionReason.BOUNCED,
        evidence=f"550 <{LATER}>: gone",
    )
    make_captured(workspace, rcpt_to=ADDRESS, search_key=f"a@b.c {ADDRESS.lower()}")
    shown = base64.encodebytes(f"Здравствуйте, {NAME}!".encode())
    make_captured(
        workspace,
        rcpt_to=manager.email,
        raw=b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + shown,
    )
    return row


def _write_to(row: Recipient, manager) -> None:
    mailing = make_mailing(row.workspace)
    Recipient.objects.filter(pk=row.pk).update(basis="consent")
    launch_mailing(mailing, by=manager, now=timezone.now(), nudge=False)
    run = mailing.run
    assert run
    run.pause_text = f"550 5.7.1 {ADDRESS} refused"
    run.save()
    for delivery in run.deliveries.all():
        Attempt.objects.create(
            workspace=row.workspace,
            run=run,
            delivery=delivery,
            outcome="failed",
            code=550,
            reply=f"5.1.1 <{ADDRESS.lower()}>: user zinaida.distinctova unknown, 5 tries",
            at=timezone.now(),
        )


def test_after_erasing_no_table_says_who_it_was(workspace, manager, known):
    """LAW-06: a search of the whole database finds nothing but the keyed hash."""
    assert len(find_everywhere(*NEEDLES)) > 15
    hash_ = known.address_hash

    erase_person(known, by=manager)

    assert find_everywhere(*NEEDLES) == []
    stop = Suppression.objects.get(workspace=workspace)
    assert (stop.address_hash, stop.email, stop.evidence, stop.reason) == (
        *(hash_, "", ""),
        SuppressionReason.ERASED,
    )


def test_the_ledger_keeps_the_fact_without_the_person(manager, known):
    """LAW-06: what was selected still adds up, and the answer's sense stays."""
    run = Delivery.objects.get().run
    before = count_states(run)

    erase_person(known, by=manager)

    assert count_states(run) == before
    assert Delivery.objects.get().recipient is None
    assert Attempt.objects.get().reply == "5.1.1 <•••>: user ••• unknown, 5 tries"


def test_an_entry_deleted_earlier_leaves_no_address_behind(workspace, manager, known):
    """LAW-06: the person was deleted, and added again by another import."""
    known.delete()
    again = make_recipient(workspace, ADDRESS.lower(), full_name="")

    erase_person(again, by=manager)

    assert find_everywhere("Zinaida.Distinctova@") == []


def test_others_stay_as_they_are(workspace, manager, known):
    """LAW-06: only the erased person's traces go."""
    other = make_recipient(workspace, "anna@pochta.example", full_name="Анна")
    make_captured(workspace, rcpt_to=other.email)
    make_captured(workspace, rcpt_to=manager.email)

    erase_person(known, by=manager)

    assert Recipient.objects.get() == other
    assert CapturedMessage.objects.count() == 2


def test_a_person_in_a_workers_hands_is_erased_a_little_later(manager, known):
    """LAW-06: the server's answer is yet to come, and would name them."""
    Attempt.objects.all().delete()
    Slice.objects.update(cursor=1)

    with pytest.raises(Conflict) as refused:
        erase_person(known, by=manager)

    assert refused.value.code == "being_sent"
    assert Recipient.objects.filter(pk=known.pk).exists()


def test_an_editor_may_not_erase(workspace, known):
    """LAW-06: what cannot be undone needs a manager."""
    with pytest.raises(NotAllowed):
        erase_person(known, by=make_member(workspace, role=Role.EDITOR))


def test_the_audit_line_says_that_somebody_was_erased(manager, known):
    """LAW-06: who did it and when, not whom."""
    erase_person(known, by=manager)

    line = AuditEntry.objects.get(verb="recipient_erased")
    assert (line.user, line.details) == (manager, {})


def test_short_values_are_not_hidden_inside_other_words(workspace, manager):
    """LAW-06: "5" is nobody; the local part "an" goes only where it stands alone."""
    row = make_recipient(workspace, "an@x.example", attributes={"скидка": "5"})
    _write_to(row, manager)
    Attempt.objects.update(reply="550 5.1.1 an unknown in anapa")

    erase_person(row, by=manager)

    assert Attempt.objects.get().reply == "550 5.1.1 ••• unknown in anapa"
