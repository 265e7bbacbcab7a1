"""The stop list: what it does to recipients, and that it outlives them (BNC-07)."""

from __future__ import annotations

import pytest

from pochtar.accounts.models import AuditEntry, User, Workspace
from pochtar.base.errors import Conflict, InvalidInput, NotAllowed
from pochtar.recipients.models import (
    ConsentEntry,
    Recipient,
    Suppression,
    SuppressionReason,
)
from pochtar.recipients.stop_marks import (
    is_stopped,
    lock_stop_list,
    mark_suppressed,
    wrong_marks,
)
from pochtar.recipients.stoplist import (
    StopEntry,
    lift,
    remember_departed,
    stop_address,
    stop_batch,
    stop_domain,
)
from tests.make import make_recipient

pytestmark = pytest.mark.django_db
MANUAL = SuppressionReason.MANUAL


def flagged(workspace: Workspace) -> set[str]:
    rows = Recipient.objects.of(workspace).filter(suppressed=True)
    assert wrong_marks(workspace) == 0
    return set(rows.values_list("email", flat=True))


def test_stopping_an_address_flags_its_recipient_and_calls_running_mailings(
    workspace: Workspace, owner: User
) -> None:
    make_recipient(workspace, "Anna@example.com")
    make_recipient(workspace, "boris@example.com")

    row, added = stop_address(
        workspace, "anna@example.com", reason=MANUAL, evidence="phoned", by=owner
    )

    workspace.refresh_from_db()
    assert added
    assert (row.email, row.evidence, row.created_by) == (
        "anna@example.com",
        "phoned",
        owner,
    )
    assert flagged(workspace) == {"Anna@example.com"}
    assert workspace.departures == 1
    assert AuditEntry.objects.get(verb="address_stopped").subject_id == str(row.pk)


def test_stopping_twice_changes_nothing(workspace: Workspace, owner: User) -> None:
    first, _ = stop_address(workspace, "a@example.com", reason=MANUAL, by=owner)

    again, added = stop_address(workspace, "A@example.com", reason=MANUAL, by=owner)

    assert (again.pk, added) == (first.pk, False)
    assert Suppression.objects.count() == 1


def test_a_domain_stops_what_is_below_it_and_not_what_only_ends_alike(
    workspace: Workspace, owner: User
) -> None:
    for name in ["a@bad.example", "b@mail.bad.example", "c@notbad.example"]:
        make_recipient(workspace, name)

    stop_domain(workspace, "@BAD.example", evidence="", by=owner)

    assert flagged(workspace) == {"a@bad.example", "b@mail.bad.example"}
    assert is_stopped(workspace, "x@deep.mail.bad.example")
    assert not is_stopped(workspace, "x@notbad.example")


def test_a_domain_is_known_in_either_spelling(
    workspace: Workspace, owner: User
) -> None:
    row, _ = stop_domain(workspace, "Почта.рф", by=owner)

    assert row.domain == "xn--80a1acny.xn--p1ai"
    assert is_stopped(workspace, "анна@xn--80a1acny.xn--p1ai")


def test_lifting_lets_go_only_who_is_not_stopped_otherwise(
    workspace: Workspace, owner: User
) -> None:
    make_recipient(workspace, "a@bad.example")
    make_recipient(workspace, "b@bad.example")
    stop_address(workspace, "a@bad.example", reason=MANUAL, by=owner)
    domain, _ = stop_domain(workspace, "bad.example", by=owner)

    lift(domain, by=owner)

    assert flagged(workspace) == {"a@bad.example"}
    assert AuditEntry.objects.filter(verb="suppression_lifted").count() == 1
    with pytest.raises(Conflict):
        lift(domain, by=owner)


def test_bnc_07_whoever_unsubscribed_stays_stopped_after_deletion(
    workspace: Workspace,
) -> None:
    gone = make_recipient(workspace, "anna@example.com")
    Recipient.objects.filter(pk=gone.pk).update(
        unsubscribed_at=gone.created_at, unsubscribed_via="page"
    )
    lock_stop_list(workspace)
    assert remember_departed(workspace, [gone.pk]) == 1
    gone.delete()

    again = make_recipient(workspace, "Anna@example.com")
    mark_suppressed(workspace, [again.pk])

    row = Suppression.objects.get()
    assert (row.email, row.reason) == ("", SuppressionReason.UNSUBSCRIBED)
    assert flagged(workspace) == {"Anna@example.com"}


def test_many_are_stopped_at_once_and_a_wish_stands_in_the_ledger(
    workspace: Workspace, owner: User
) -> None:
    make_recipient(workspace, "a@example.com")
    make_recipient(workspace, "b@sub.bad.example")
    make_recipient(workspace, "c@example.com")
    entries = [
        StopEntry(email="a@example.com", reason=SuppressionReason.OBJECTED),
        StopEntry(email="A@example.com"),
        StopEntry(domain="bad.example", evidence="spam trap"),
    ]

    done = stop_batch(workspace, entries, by=owner)
    again = stop_batch(workspace, entries, by=owner)

    assert (done.added, done.marked) == (2, 2)
    assert (again.added, again.marked) == (0, 0)
    assert flagged(workspace) == {"a@example.com", "b@sub.bad.example"}
    assert ConsentEntry.objects.get().kind == "objected"


def test_marks_follow_the_table_both_ways(workspace: Workspace, owner: User) -> None:
    right = make_recipient(workspace, "a@bad.example", suppressed=False)
    wrong = make_recipient(workspace, "b@good.example", suppressed=True)
    Suppression.objects.create(workspace=workspace, domain="bad.example", reason=MANUAL)

    assert wrong_marks(workspace) == 2
    assert mark_suppressed(workspace, [right.pk]) == 1
    assert mark_suppressed(workspace) == 1

    wrong.refresh_from_db()
    assert not wrong.suppressed
    assert flagged(workspace) == {"a@bad.example"}


def test_a_viewer_changes_nothing(workspace: Workspace, viewer: User) -> None:
    with pytest.raises(NotAllowed):
        stop_address(workspace, "a@example.com", reason=MANUAL, by=viewer)
    with pytest.raises(NotAllowed):
        stop_domain(workspace, "example.com", by=viewer)


@pytest.mark.parametrize("domain", ["", "ru", "a b.example", "a@b@c.example", "."])
def test_what_is_no_domain_is_refused(
    workspace: Workspace, owner: User, domain: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        stop_domain(workspace, domain, by=owner)
    assert refused.value.field == "domain"
