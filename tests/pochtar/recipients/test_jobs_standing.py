"""Many at once: state a basis, stop writing, delete."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from pochtar.accounts.models import User, Workspace
from pochtar.base.addresshash import hash_address
from pochtar.base.errors import InvalidInput
from pochtar.recipients import jobs
from pochtar.recipients.bulk import (
    delete_selected,
    state_basis_of_selected,
    stop_selected,
)
from pochtar.recipients.consent_chain import digest_of
from pochtar.recipients.jobs import run_job, undo_job
from pochtar.recipients.models import (
    Basis,
    BulkJob,
    ConsentEntry,
    ConsentSource,
    Recipient,
    Suppression,
    SuppressionReason,
    UnsubscribedVia,
)
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection
from pochtar.recipients.stop_marks import wrong_marks
from pochtar.recipients.stoplist import stop_address
from tests.make import make_recipient

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "BATCH", 3)


@pytest.fixture
def five(workspace: Workspace) -> list[Recipient]:
    return [make_recipient(workspace, f"r{n}@example.com", basis="") for n in range(5)]


@pytest.fixture
def everybody(workspace: Workspace) -> Selection:
    return Selection(search=Search(workspace=workspace))


def finished(job: BulkJob) -> BulkJob:
    while run_job(job.pk):
        pass
    job.refresh_from_db()
    return job


def bases() -> list[Any]:
    return list(Recipient.objects.order_by("email_key").values_list("basis", flat=True))


def test_law_01_a_basis_is_stated_with_a_line_in_the_ledger(
    editor: User, five: list[Recipient], everybody: Selection
) -> None:
    Recipient.objects.filter(pk=five[0].pk).update(basis=Basis.CONTRACT)

    job = finished(
        state_basis_of_selected(
            everybody, basis=Basis.CONTRACT, wording="Договор № 5", by=editor
        )
    )

    assert bases() == ["contract"] * 5
    lines = list(ConsentEntry.objects.order_by("sequence"))
    assert (job.changed, sum(line.number for line in lines)) == (4, 4)
    for line in lines:
        assert (line.source, line.reference) == (ConsentSource.BULK, str(job.pk))
        assert (line.wording, line.recorded_by) == ("Договор № 5", editor.pk)
        hashes = line.subjects.values_list("address_hash", flat=True)
        assert line.digest == digest_of(sorted((0, one.hex) for one in hashes))


def test_law_01_undoing_a_basis_is_another_line_and_spares_what_changed_since(
    editor: User, five: list[Recipient], everybody: Selection
) -> None:
    Recipient.objects.filter(pk=five[0].pk).update(basis=Basis.CUSTOMER)
    job = finished(
        state_basis_of_selected(everybody, basis=Basis.CONSENT, wording="", by=editor)
    )
    Recipient.objects.filter(pk=five[4].pk).update(basis=Basis.CONTRACT)
    before = ConsentEntry.objects.count()

    job = finished(undo_job(job, by=editor))

    assert bases() == ["customer", "", "", "", "contract"]
    assert (job.returned, job.kept) == (4, 1)
    lines = ConsentEntry.objects.order_by("sequence")[before:]
    assert sorted((line.basis, line.number) for line in lines) == [
        ("", 1),
        ("", 2),
        ("customer", 1),
    ]


def test_a_basis_that_there_is_not_is_refused(
    editor: User, everybody: Selection
) -> None:
    with pytest.raises(InvalidInput):
        state_basis_of_selected(everybody, basis="whim", wording="", by=editor)


def test_bnc_07_many_are_stopped_and_only_those_are_let_go_again(
    workspace: Workspace, editor: User, five: list[Recipient], everybody: Selection
) -> None:
    stop_address(
        workspace, five[0].email, reason=SuppressionReason.BOUNCED, evidence="550"
    )

    job = finished(stop_selected(everybody, evidence="жалоба", by=editor))

    assert (job.changed, Suppression.objects.count()) == (4, 5)
    assert Recipient.objects.filter(suppressed=True).count() == 5
    mine = Suppression.objects.get(address_hash=five[1].address_hash)
    assert (mine.email, mine.evidence) == (five[1].email, "жалоба")
    assert (mine.reason, mine.created_by) == (SuppressionReason.MANUAL, editor)
    stop_address(
        workspace, five[4].email, reason=SuppressionReason.OBJECTED, evidence="письмо"
    )

    job = finished(undo_job(job, by=editor))

    assert set(Recipient.objects.filter(suppressed=True)) <= {five[0], five[4]}
    assert Suppression.objects.filter(reason=SuppressionReason.BOUNCED).exists()
    assert wrong_marks(workspace) == 0


def test_bnc_07_who_had_unsubscribed_is_remembered_when_they_are_deleted(
    workspace: Workspace, editor: User, five: list[Recipient], everybody: Selection
) -> None:
    Recipient.objects.filter(pk=five[2].pk).update(
        unsubscribed_at=timezone.now(), unsubscribed_via=UnsubscribedVia.PAGE
    )
    before = workspace.departures

    job = finished(delete_selected(everybody, by=editor))

    assert (job.changed, Recipient.objects.count()) == (5, 0)
    kept = Suppression.objects.get()
    assert kept.address_hash == hash_address("r2@example.com")
    assert (kept.email, kept.reason) == ("", SuppressionReason.UNSUBSCRIBED)
    workspace.refresh_from_db()
    assert workspace.departures > before
