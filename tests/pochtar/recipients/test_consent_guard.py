"""LAW-01: the database itself refuses to change what the ledger says."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from pochtar.accounts.models import User, Workspace
from pochtar.recipients.consent import record_many
from pochtar.recipients.models import (
    ConsentEntry,
    ConsentHead,
    ConsentKind,
    ConsentSource,
    ConsentSubject,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry(workspace: Workspace, owner: User) -> ConsentEntry:
    row = record_many(
        workspace,
        ["a@example.com", "b@example.com"],
        kind=ConsentKind.GIVEN,
        source=ConsentSource.BULK,
        by=owner,
    )
    assert row
    return row


def refused(act: Callable[[], object]) -> None:
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
    ):
        act()


def test_law_01_no_line_is_changed_or_deleted(entry: ConsentEntry) -> None:
    refused(lambda: ConsentEntry.objects.update(basis="consent"))
    refused(lambda: ConsentEntry.objects.all().delete())
    refused(entry.delete)

    assert ConsentEntry.objects.get().basis == ""


def test_law_01_nor_is_any_of_those_whom_it_is_about(entry: ConsentEntry) -> None:
    refused(lambda: entry.subjects.update(address_hash=uuid4()))
    refused(entry.subjects.all().delete)

    assert entry.subjects.count() == 2


def test_law_01_no_statement_gets_round_the_guard(entry: ConsentEntry) -> None:
    def run(sql: str) -> Callable[[], object]:
        return lambda: connection.cursor().execute(sql)

    if connection.vendor == "postgresql":
        refused(run("TRUNCATE recipients_consententry"))
        refused(run("TRUNCATE recipients_consentsubject"))
        refused(
            run(
                "INSERT INTO recipients_consententry "
                "SELECT * FROM recipients_consententry "
                "ON CONFLICT (id) DO UPDATE SET wording = 'else'"
            )
        )
    else:
        for table in ("recipients_consententry", "recipients_consentsubject"):
            refused(run(f"REPLACE INTO {table} SELECT * FROM {table}"))


def test_lines_of_a_workspace_that_is_gone_may_go(
    entry: ConsentEntry, workspace: Workspace
) -> None:
    workspace.delete()

    ConsentSubject.objects.all().delete()
    ConsentEntry.objects.all().delete()
    ConsentHead.objects.all().delete()

    assert not ConsentEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_tests_with_real_transactions_leave_the_ledger_empty_and_guarded(
    entry: ConsentEntry, turn: int
) -> None:
    assert ConsentEntry.objects.count() == 1
    refused(lambda: ConsentEntry.objects.update(basis="consent"))
