"""BNC-07: flags stay right, and nobody waits for ever, when all happens at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connections, transaction

from pochtar.accounts.models import User, Workspace
from pochtar.recipients.bulk import delete_selected
from pochtar.recipients.consent_audit import Audit
from pochtar.recipients.leaving import resubscribe_recipient, unsubscribe_recipient
from pochtar.recipients.models import (
    Recipient,
    Suppression,
    SuppressionReason,
    UnsubscribedVia,
)
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection
from pochtar.recipients.stop_marks import hold_stop_list, mark_suppressed, wrong_marks
from pochtar.recipients.stoplist import (
    StopEntry,
    lift,
    stop_address,
    stop_batch,
    stop_domain,
)
from tests.make import make_recipient

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESSES = [f"p{number}@{number % 3}.bad.example" for number in range(24)]
REASON = SuppressionReason.MANUAL


def together(*acts: Callable[[], object]) -> None:
    """Do all of it at once; raise what any of them raised."""
    start = threading.Barrier(len(acts))

    def work(act: Callable[[], object]) -> None:
        try:
            start.wait()
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        list(pool.map(work, acts))


def add(workspace: Workspace, addresses: list[str]) -> None:
    for email in addresses:
        with transaction.atomic():
            hold_stop_list(workspace)
            row = make_recipient(workspace, email)
            mark_suppressed(workspace, [row.pk])


def test_bnc_07_nobody_slips_in_beside_a_stop(
    workspace: Workspace, owner: User
) -> None:
    def stop() -> None:
        for email in ADDRESSES[::2]:
            stop_address(workspace, email, reason=REASON, by=owner)

    def stop_all_of_a_domain() -> None:
        row, _added = stop_domain(workspace, "1.bad.example", by=owner)
        lift(row, by=owner)
        stop_domain(workspace, "2.bad.example", by=owner)

    together(
        partial(add, workspace, ADDRESSES[:12]),
        partial(add, workspace, ADDRESSES[12:]),
        stop,
        stop_all_of_a_domain,
    )

    stopped = Recipient.objects.filter(suppressed=True)
    wanted = {one for n, one in enumerate(ADDRESSES) if n % 2 == 0 or n % 3 == 2}
    assert set(stopped.values_list("email", flat=True)) == wanted
    assert wrong_marks(workspace) == 0


def test_bnc_07_whatever_happens_at_once_ends_and_leaves_the_flags_right(
    workspace: Workspace, owner: User
) -> None:
    people = [make_recipient(workspace, email) for email in ADDRESSES]

    def leave_and_return() -> None:
        for one in people[:8]:
            unsubscribe_recipient(one, via=UnsubscribedVia.PAGE)
            resubscribe_recipient(one, by=owner)
            unsubscribe_recipient(one, via=UnsubscribedVia.ONE_CLICK)

    def stop() -> None:
        entries = [StopEntry(email=email) for email in ADDRESSES[4:12]]
        stop_batch(workspace, entries, by=owner)

    def delete() -> None:
        ids = frozenset(one.pk for one in people[16:])
        selection = Selection(search=Search(workspace=workspace), ids=ids)
        delete_selected(selection, by=owner)

    together(
        leave_and_return, stop, delete, partial(add, workspace, ["new@bad.example"])
    )

    assert Recipient.objects.filter(unsubscribed_at__isnull=False).count() == 8
    assert Suppression.objects.count() == 8
    assert wrong_marks(workspace) == 0
    assert list(Audit().run()) == []


def test_bnc_07_the_unsubscribed_are_remembered_when_they_are_deleted(
    workspace: Workspace, owner: User
) -> None:
    left, stays = make_recipient(workspace, "a@example.com"), make_recipient(workspace)
    unsubscribe_recipient(left, via=UnsubscribedVia.PAGE)
    ids = frozenset({left.pk, stays.pk})
    delete_selected(Selection(search=Search(workspace=workspace), ids=ids), by=owner)

    add(workspace, ["A@example.com", stays.email])

    flagged = Recipient.objects.filter(suppressed=True)
    assert [row.email for row in flagged] == ["A@example.com"]
