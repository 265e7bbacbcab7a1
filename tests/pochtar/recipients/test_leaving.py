"""Unsubscribed, and subscribed again."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from pochtar.accounts.models import AuditEntry, Workspace
from pochtar.base.addresshash import hash_address
from pochtar.base.errors import NotAllowed
from pochtar.recipients.consent import Reader
from pochtar.recipients.leaving import (
    may_return,
    resubscribe_recipient,
    unsubscribe_address,
    unsubscribe_recipient,
)
from pochtar.recipients.models import (
    ConsentEntry,
    Recipient,
    Suppression,
    SuppressionReason,
    UnsubscribedVia,
)
from pochtar.recipients.services import (
    Person,
    add_recipients,
    change_recipient,
    create_recipient,
)
from pochtar.recipients.stop_marks import mark_suppressed
from pochtar.recipients.stoplist import stop_address
from tests.make import make_recipient

pytestmark = pytest.mark.django_db
PERSON = UnsubscribedVia.PERSON


@pytest.fixture
def recipient(workspace: Workspace) -> Recipient:
    return make_recipient(workspace, "anna@example.com")


def verbs() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True))


def test_leaving_twice_is_leaving_once(workspace, recipient):
    """MSG-24"""
    page = UnsubscribedVia.PAGE
    assert unsubscribe_recipient(recipient, via=page, letter={"run": "r1"})
    first = Recipient.objects.get().unsubscribed_at
    assert not unsubscribe_recipient(recipient, via=UnsubscribedVia.ONE_CLICK)

    row = Recipient.objects.get()
    assert (row.unsubscribed_at, row.unsubscribed_via) == (first, page)
    (entry,) = AuditEntry.objects.all()
    assert (entry.verb, entry.user) == ("recipient_unsubscribed", None)
    assert entry.details == {"via": "page", "run": "r1"}
    workspace.refresh_from_db()
    assert workspace.departures == 1


def test_coming_back_twice_is_coming_back_once(recipient):
    assert not resubscribe_recipient(recipient)
    unsubscribe_recipient(recipient, via=PERSON)

    assert resubscribe_recipient(recipient)
    assert not resubscribe_recipient(recipient)
    assert Recipient.objects.get().unsubscribed_at is None
    assert verbs() == ["recipient_unsubscribed", "recipient_resubscribed"]


def test_a_participant_needs_the_role_of_an_editor(recipient, viewer, editor):
    for change in (
        lambda by: unsubscribe_recipient(recipient, via=PERSON, by=by),
        lambda by: resubscribe_recipient(recipient, by=by),
    ):
        with pytest.raises(NotAllowed):
            change(viewer)
        assert change(editor)

    assert set(AuditEntry.objects.values_list("user", flat=True)) == {editor.pk}


def test_adding_or_changing_somebody_does_not_bring_them_back(
    workspace, recipient, editor
):
    """MSG-25"""
    unsubscribe_recipient(recipient, via=PERSON)

    add_recipients(workspace, [Person(email="ANNA@example.com")], by=editor)
    row = Recipient.objects.get()
    change_recipient(row, Person(email="anna@example.com", full_name="A"), by=editor)

    assert Recipient.objects.get().unsubscribed_at


def test_the_database_keeps_time_and_way_together(recipient):
    with pytest.raises(IntegrityError), transaction.atomic():
        Recipient.objects.update(unsubscribed_via="page")


def lines() -> list[tuple[str, str, str]]:
    rows = ConsentEntry.objects.order_by("sequence")
    return list(rows.values_list("kind", "source", "reference"))


def test_law_01_leaving_and_coming_back_stand_in_the_ledger(recipient, editor):
    reader = Reader(ip="203.0.113.9", user_agent="Mail/1.0", language="ru")
    letter = {"run": "r1", "delivery": 5}
    page = UnsubscribedVia.PAGE
    unsubscribe_recipient(recipient, via=page, letter=letter, reader=reader)
    unsubscribe_recipient(recipient, via=page, letter=letter, reader=reader)
    resubscribe_recipient(recipient, by=editor)

    assert lines() == [
        ("withdrawn", "letter", "run r1, delivery 5, page"),
        ("resumed", "person", ""),
    ]
    first, second = ConsentEntry.objects.order_by("sequence")
    assert (first.ip, first.user_agent, first.language) == (
        "203.0.113.9",
        "Mail/1.0",
        "ru",
    )
    assert (first.recorded_by, second.recorded_by) == (None, editor.pk)
    assert second.address_hash == hash_address("anna@example.com")
    assert second.basis == "consent"


def test_bnc_07_who_leaves_after_being_deleted_is_stopped_by_hash(workspace, recipient):
    recipient.delete()
    key, page = "anna@example.com", UnsubscribedVia.PAGE
    assert unsubscribe_address(workspace, key, via=page)
    assert not unsubscribe_address(workspace, key, via=page)

    again = make_recipient(workspace, key)
    mark_suppressed(workspace, [again.pk])

    again.refresh_from_db()
    assert again.suppressed
    assert Suppression.objects.get().email == ""
    assert lines() == [("withdrawn", "letter", "page")]


def test_whoever_comes_back_takes_their_own_unsubscribing_off_the_stop_list(
    workspace, recipient
):
    unsubscribe_address(workspace, recipient.email_key, via=UnsubscribedVia.PAGE)
    mark_suppressed(workspace, [recipient.pk])
    recipient.refresh_from_db()
    assert may_return(recipient)

    assert resubscribe_recipient(recipient)

    recipient.refresh_from_db()
    assert not recipient.suppressed
    assert not Suppression.objects.exists()


def test_an_objection_is_not_undone_by_an_old_letter(workspace, recipient, owner):
    stop_address(
        workspace, recipient.email, reason=SuppressionReason.OBJECTED, by=owner
    )
    recipient.refresh_from_db()

    assert not may_return(recipient)
    assert not resubscribe_recipient(recipient)
    assert Suppression.objects.exists()


def test_bnc_07_an_unsubscribed_address_stays_stopped_when_it_is_corrected(
    workspace, recipient, editor
):
    unsubscribe_recipient(recipient, via=UnsubscribedVia.PAGE)

    change_recipient(recipient, Person(email="anna.new@example.com"), by=editor)
    again = create_recipient(workspace, Person(email="anna@example.com"), by=editor)

    assert again.suppressed
    recipient.refresh_from_db()
    assert recipient.unsubscribed_at
