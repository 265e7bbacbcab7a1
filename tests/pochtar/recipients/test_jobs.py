"""Bulk actions in the background: batch by batch, cancelled, left behind, undone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from pochtar.accounts.models import AuditEntry, User, Workspace
from pochtar.base.errors import Conflict, InvalidInput, NotAllowed
from pochtar.recipients import job_changes, jobs
from pochtar.recipients import work as work_module
from pochtar.recipients.bulk import (
    add_selected,
    delete_selected,
    remove_selected,
    set_attribute_of_selected,
)
from pochtar.recipients.jobs import cancel_job, run_job, undo_job
from pochtar.recipients.models import (
    BulkItem,
    BulkJob,
    JobStep,
    Recipient,
    RecipientList,
    WorkState,
)
from pochtar.recipients.search import Search
from pochtar.recipients.selections import Selection
from pochtar.recipients.tasks import tick
from tests.make import make_list, make_recipient

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nudged(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Make everything a job for the background, in batches of two."""
    nudges: list[Any] = []
    monkeypatch.setattr(jobs, "BATCH", 2)
    monkeypatch.setattr(jobs, "AT_ONCE", 1)
    monkeypatch.setattr(jobs, "nudge_job", nudges.append)
    return nudges


@pytest.fixture
def five(workspace: Workspace) -> list[Recipient]:
    return [
        make_recipient(workspace, full_name="Анна", attributes={"city": f"город {n}"})
        for n in range(5)
    ]


@pytest.fixture
def everybody(workspace: Workspace) -> Selection:
    return Selection(search=Search(workspace=workspace, text="анна"))


def finished(job: BulkJob) -> BulkJob:
    while run_job(job.pk):
        pass
    job.refresh_from_db()
    return job


def cities(rows: list[Recipient]) -> list[Any]:
    found = Recipient.objects.in_bulk([row.pk for row in rows])
    return [found[row.pk].attributes.get("city") for row in rows]


def test_many_are_left_to_a_worker_and_few_are_done_at_once(
    editor: User, five: list[Recipient], everybody: Selection, nudged: list[Any]
) -> None:
    many = delete_selected(everybody, by=editor)
    one = Selection(search=everybody.search, ids=frozenset({five[0].pk}))
    few = delete_selected(one, by=editor)

    assert (many.state, nudged) == (WorkState.WAITING, [many.pk])
    assert (few.state, few.changed) == (WorkState.DONE, 1)
    assert Recipient.objects.count() == 4


def test_who_is_meant_does_not_shift_while_it_is_done(
    workspace: Workspace, editor: User, five: list[Recipient], everybody: Selection
) -> None:
    row = make_list(workspace)
    job = add_selected(everybody, to=row, by=editor)
    run_job(job.pk, seconds=0)
    make_recipient(workspace, full_name="Анна, которая пришла позже")
    Recipient.objects.filter(pk=five[4].pk).delete()

    job = finished(job)

    assert (job.selected, job.changed, job.done) == (5, 4, 5)
    assert set(row.recipients.all()) == set(five[:4])


def test_undoing_takes_out_of_the_list_only_those_whom_it_put_there(
    workspace: Workspace, editor: User, five: list[Recipient], everybody: Selection
) -> None:
    row = make_list(workspace, five[0])
    job = finished(add_selected(everybody, to=row, by=editor))
    row.recipients.remove(five[1])

    job = finished(undo_job(job, by=editor))

    assert (job.step, job.state) == (JobStep.UNDONE, WorkState.DONE)
    assert (job.changed, job.returned, job.kept) == (4, 3, 1)
    assert list(row.recipients.all()) == [five[0]]


def test_undoing_puts_back_those_who_were_taken_out(
    workspace: Workspace, editor: User, five: list[Recipient], everybody: Selection
) -> None:
    row = make_list(workspace, *five[:4])
    job = finished(remove_selected(everybody, out_of=row, by=editor))
    assert not row.recipients.exists()
    five[0].delete()

    job = finished(undo_job(job, by=editor))

    assert (job.changed, job.returned, job.kept) == (4, 3, 1)
    assert set(row.recipients.all()) == set(five[1:4])


def test_undoing_gives_old_values_back_except_where_they_have_changed_since(
    editor: User, five: list[Recipient], everybody: Selection
) -> None:
    Recipient.objects.filter(pk=five[0].pk).update(attributes={"x": "1"})
    Recipient.objects.filter(pk=five[4].pk).update(attributes={"city": "Тверь"})
    job = finished(
        set_attribute_of_selected(everybody, key="city", value="Тверь", by=editor)
    )
    assert cities(five) == ["Тверь"] * 5
    Recipient.objects.filter(pk=five[1].pk).update(attributes={"city": "Псков"})

    job = finished(undo_job(job, by=editor))

    assert (job.changed, job.returned, job.kept) == (4, 3, 1)
    assert cities(five) == [None, "Псков", "город 2", "город 3", "Тверь"]
    assert Recipient.objects.get(pk=five[0].pk).attributes == {"x": "1"}


def test_an_attribute_is_cleared_and_comes_back(
    editor: User, five: list[Recipient], everybody: Selection
) -> None:
    job = set_attribute_of_selected(everybody, key="city", value="", by=editor)

    job = finished(job)

    assert cities(five) == [None] * 5
    finished(undo_job(job, by=editor))
    assert cities(five) == [f"город {n}" for n in range(5)]


def test_a_bad_value_is_refused_before_anything_is_done(
    editor: User, five: list[Recipient], everybody: Selection
) -> None:
    with pytest.raises(InvalidInput):
        set_attribute_of_selected(everybody, key="city", value="a\nb", by=editor)

    assert not BulkJob.objects.exists()


@pytest.mark.parametrize("batches", range(5))
def test_a_dead_workers_job_is_taken_over_where_it_stood(
    workspace: Workspace,
    editor: User,
    five: list[Recipient],
    everybody: Selection,
    monkeypatch: pytest.MonkeyPatch,
    batches: int,
) -> None:
    """The worker dies inside a batch: that one is rolled back, those before stay."""
    row = make_list(workspace, five[0])
    job = add_selected(everybody, to=row, by=editor)
    kept = work_module.keep
    done = 0

    def keep_and_die(work: Any, **values: Any) -> None:
        nonlocal done
        kept(work, **values)
        done += 1
        if done > batches:
            raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "keep", keep_and_die)
    if batches < 4:
        with pytest.raises(KeyboardInterrupt):
            run_job(job.pk)
    else:
        run_job(job.pk)
    monkeypatch.setattr(jobs, "keep", kept)
    assert not run_job(job.pk)  # its lease still holds
    BulkJob.objects.filter(pk=job.pk).update(
        lease_until=timezone.now() - dt.timedelta(1)
    )

    job = finished(job)

    assert (job.state, job.changed) == (WorkState.DONE, 4)
    assert row.recipients.count() == 5
    assert BulkItem.objects.filter(job=job).count() == 5
    assert AuditEntry.objects.filter(verb="list_filled").count() == 1


def test_a_cancelled_job_stops_and_what_it_did_can_be_undone(
    workspace: Workspace, editor: User, five: list[Recipient], everybody: Selection
) -> None:
    row = make_list(workspace)
    job = add_selected(everybody, to=row, by=editor)
    run_job(job.pk, seconds=0)
    run_job(job.pk, seconds=0)

    assert cancel_job(job, by=editor)

    assert not cancel_job(job, by=editor)
    assert not run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.changed, row.recipients.count()) == ("cancelled", 2, 2)
    finished(undo_job(job, by=editor))
    assert row.recipients.count() == 0


def test_a_batch_that_was_under_way_when_it_was_cancelled_is_not_kept(
    workspace: Workspace,
    editor: User,
    five: list[Recipient],
    everybody: Selection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = make_list(workspace)
    job = add_selected(everybody, to=row, by=editor)
    run_job(job.pk, seconds=0)
    put_in = job_changes._put_in

    def cancelled_meanwhile(to: RecipientList, rows: Any) -> int:
        cancel_job(job, by=editor)
        return put_in(to, rows)

    monkeypatch.setattr(job_changes, "_put_in", cancelled_meanwhile)

    assert not run_job(job.pk)

    assert row.recipients.count() == 0


def test_a_list_deleted_meanwhile_stops_the_job_with_a_reason(
    workspace: Workspace, editor: User, five: list[Recipient], everybody: Selection
) -> None:
    row = make_list(workspace)
    job = add_selected(everybody, to=row, by=editor)
    row.delete()

    job = finished(job)

    assert (job.state, job.error) == (WorkState.FAILED, "list_gone")


def test_a_deletion_is_never_undone_and_forgets_who_was_meant(
    editor: User, five: list[Recipient], everybody: Selection
) -> None:
    job = finished(delete_selected(everybody, by=editor))

    with pytest.raises(Conflict):
        undo_job(job, by=editor)

    assert job.changed == 5
    assert not BulkItem.objects.exists()


def test_nothing_is_undone_twice(
    workspace: Workspace, editor: User, five: list[Recipient], everybody: Selection
) -> None:
    job = finished(add_selected(everybody, to=make_list(workspace), by=editor))
    job = finished(undo_job(job, by=editor))

    with pytest.raises(Conflict):
        undo_job(job, by=editor)


def test_a_viewer_neither_stops_nor_undoes(
    workspace: Workspace,
    viewer: User,
    editor: User,
    five: list[Recipient],
    everybody: Selection,
) -> None:
    job = add_selected(everybody, to=make_list(workspace), by=editor)

    with pytest.raises(NotAllowed):
        cancel_job(job, by=viewer)
    with pytest.raises(NotAllowed):
        undo_job(finished(job), by=viewer)


def test_the_tick_finds_a_job_whose_nudge_was_lost(
    workspace: Workspace,
    editor: User,
    five: list[Recipient],
    everybody: Selection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = add_selected(everybody, to=make_list(workspace), by=editor)
    sent: list[Any] = []
    monkeypatch.setattr(
        "pochtar.recipients.tasks.nudge", lambda task, pk: sent.append((task.name, pk))
    )

    tick()

    assert sent == [("pochtar.recipients.run_job", str(job.pk))]
