"""No row outlives its owner, though no database checks it (0015-imports.md)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from pochtar.accounts.models import User, Workspace
from pochtar.base.locking import delete_locked
from pochtar.recipients.departing import delete_people
from pochtar.recipients.lists import delete_list
from pochtar.recipients.models import Recipient, RecipientList, Subscription
from pochtar.recipients.services import Person, add_recipients
from pochtar.recipients.stop_marks import hold_stop_list
from pochtar.recipients.strays import count_strays
from tests.make import make_list, make_recipient

NONE = {"workspace": 0, "list": 0, "recipient": 0}


@pytest.mark.django_db
def test_nobody_is_added_to_a_workspace_that_is_gone(
    workspace: Workspace, editor: User
) -> None:
    gone = Workspace.objects.create(name="Gone")
    pk = gone.pk
    delete_locked(Workspace.objects.filter(pk=pk))

    with pytest.raises(IntegrityError), transaction.atomic():
        hold_stop_list(pk)


@pytest.mark.django_db
def test_a_workspace_takes_recipients_lists_and_places_with_it(
    workspace: Workspace,
) -> None:
    row = make_list(workspace, name="Гости")
    person = make_recipient(workspace, email="a@example.com")
    Subscription.objects.create(list=row, recipient=person)

    delete_locked(Workspace.objects.filter(pk=workspace.pk))

    assert not Recipient.objects.exists()
    assert count_strays() == NONE


def delete_the_list(row: RecipientList, person: Recipient, by: User) -> None:
    delete_list(row, by=by, waiting_mailings=lambda _list: [])


def delete_the_person(row: RecipientList, person: Recipient, by: User) -> None:
    with transaction.atomic():
        delete_people([person.pk])


def delete_in_administration(row: RecipientList, person: Recipient, by: User) -> None:
    delete_locked(Recipient.objects.filter(pk=person.pk))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "delete", [delete_the_list, delete_the_person, delete_in_administration]
)
def test_a_place_that_is_just_being_written_goes_with_its_owner(
    workspace: Workspace, editor: User, delete: Callable[..., Any]
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    row = make_list(workspace, name="Гости")
    person = add_recipients(workspace, [Person(email="a@example.com")], by=editor)[0]

    def work() -> None:
        delete(row, person, editor)
        connection.close()

    other = threading.Thread(target=work)
    with transaction.atomic():
        with connection.cursor() as cursor:  # as an import does
            cursor.execute(
                "SELECT 1 FROM recipients_recipientlist WHERE id = %s FOR KEY SHARE",
                [row.pk],
            )
            cursor.execute(
                "SELECT 1 FROM recipients_recipient WHERE id = %s FOR KEY SHARE",
                [person.pk],
            )
        Subscription.objects.create(list=row, recipient=person)
        other.start()
        time.sleep(0.3)
        assert other.is_alive()  # it waits
    other.join(10)

    assert not Subscription.objects.exists()
    assert count_strays() == NONE
