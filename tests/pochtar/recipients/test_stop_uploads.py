"""A long stop list goes in in the background, and survives its worker."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from pochtar.accounts.models import AuditEntry, User, Workspace
from pochtar.base.errors import Conflict, NotAllowed
from pochtar.recipients import job_tasks, stop_exchange
from pochtar.recipients.models import Recipient, StopUpload, Suppression, WorkState
from pochtar.recipients.stop_exchange import import_upload, run_upload
from pochtar.recipients.stoplist import stop_batch
from pochtar.recipients.tasks import tick
from tests.make import make_recipient, make_stop_upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def nudged(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Everything is long; whom a worker was told to look at."""
    asked: list[UUID] = []
    monkeypatch.setattr(stop_exchange, "AT_ONCE", 0)
    monkeypatch.setattr(stop_exchange, "nudge_upload", asked.append)
    return asked


def many(number: int) -> bytes:
    return "".join(f"u{at}@example.com\n" for at in range(number)).encode()


def test_a_long_list_is_left_to_a_worker(
    workspace: Workspace, owner: User, nudged: list[UUID]
) -> None:
    make_recipient(workspace, "u7@example.com")
    upload = make_stop_upload(workspace, content=many(9), file_name="complaints.csv")

    import_upload(upload, by=owner)

    assert nudged == [upload.pk]
    assert upload.is_active
    assert not Suppression.objects.exists()

    run_upload(upload.pk)

    upload.refresh_from_db()
    assert upload.state == WorkState.DONE
    assert (upload.total, upload.done) == (9, 9)
    assert (upload.added, upload.marked) == (9, 1)
    assert bytes(upload.content) == b""
    assert Recipient.objects.get().suppressed
    entry = AuditEntry.objects.get(verb="stop_list_imported")
    assert entry.details == {"number": 9, "source": "complaints.csv"}


def test_another_worker_goes_on_where_one_died(
    workspace: Workspace,
    owner: User,
    nudged: list[UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload = make_stop_upload(workspace, content=many(2500))
    import_upload(upload, by=owner)
    seen: list[Any] = []

    def die_at_the_second(*args: Any, **named: Any) -> Any:
        seen.append(args)
        if len(seen) == 2:
            raise RuntimeError("killed")
        return stop_batch(*args, **named)

    monkeypatch.setattr(stop_exchange, "stop_batch", die_at_the_second)
    with pytest.raises(RuntimeError):
        run_upload(upload.pk)
    upload.refresh_from_db()
    first = upload.done
    assert 0 < first < 2500
    StopUpload.objects.update(lease_until=timezone.now())

    run_upload(upload.pk)

    upload.refresh_from_db()
    assert upload.state == WorkState.DONE
    assert (upload.done, upload.added) == (2500, 2500)
    assert Suppression.objects.count() == 2500
    assert [args[1][0].email for args in seen][2] == f"u{first}@example.com"


def test_one_that_failed_can_be_taken_up_again(
    workspace: Workspace, owner: User, nudged: list[UUID]
) -> None:
    upload = make_stop_upload(
        workspace,
        state=WorkState.FAILED,
        error="too_many_rows",
        finished_at=timezone.now(),
    )

    import_upload(upload, by=owner)

    assert (upload.is_active, upload.error, upload.finished_at) == (True, "", None)
    run_upload(upload.pk)
    upload.refresh_from_db()
    assert (upload.state, upload.added) == (WorkState.DONE, 2)


def test_the_tick_finds_a_list_that_nobody_works_on(
    workspace: Workspace,
    owner: User,
    nudged: list[UUID],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    monkeypatch.setattr(job_tasks.run_stop_upload, "delay", job_tasks.run_stop_upload)
    waiting = make_stop_upload(workspace, content=many(3))
    left = make_stop_upload(workspace)  # nobody has said yet that it may go in
    import_upload(waiting, by=owner)

    with django_capture_on_commit_callbacks(execute=True):
        tick()

    waiting.refresh_from_db()
    left.refresh_from_db()
    assert (waiting.state, left.state) == (WorkState.DONE, WorkState.IDLE)


def test_a_list_goes_in_once(
    workspace: Workspace, owner: User, nudged: list[UUID]
) -> None:
    upload = make_stop_upload(workspace)
    import_upload(upload, by=owner)

    with pytest.raises(Conflict) as caught:
        import_upload(upload, by=owner)

    assert caught.value.code == "upload_moved_on"


def test_a_viewer_puts_nothing_on_the_stop_list(
    workspace: Workspace, viewer: User
) -> None:
    upload = make_stop_upload(workspace)

    with pytest.raises(NotAllowed):
        import_upload(upload, by=viewer)

    assert not Suppression.objects.exists()
