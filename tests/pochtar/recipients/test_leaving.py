"""Unsubscribed, and subscribed again."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from pochtar.accounts.models import AuditEntry, Workspace
from pochtar.base.errors import NotAllowed
from pochtar.recipients.leaving import resubscribe_recipient, unsubscribe_recipient
from pochtar.recipients.models import Recipient, UnsubscribedVia
from pochtar.recipients.services import Person, add_recipients, change_recipient
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
