"""A worker does imports in short turns; the tick finds what lost its nudge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from pochtar.accounts.models import User, Workspace
from pochtar.base.queue import NamedTask
from pochtar.recipients import import_checking, import_work
from pochtar.recipients.imports import cancel_import, check_import
from pochtar.recipients.models import Import, ImportRow, ImportStep, WorkState
from pochtar.recipients.tasks import run_import, tick
from pochtar.recipients.work import LeaseLost, take
from tests.pochtar.recipients.importing import TABLE, start

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        NamedTask, "delay", lambda task, *args: found.append((task.name, *args))
    )
    return found


@pytest.fixture
def import_(workspace: Workspace, owner: User, settings: Any, tmp_path: Path) -> Import:
    settings.VAR = tmp_path
    row = start(workspace, owner, TABLE)
    return check_import(row, by=owner, columns=row.columns, lists=[])


def test_a_turn_that_is_over_asks_for_the_next(
    import_: Import,
    sent: list[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    monkeypatch.setattr(import_checking, "CHUNK", 1)
    run_turn = import_work.run_turn
    monkeypatch.setattr(
        "pochtar.recipients.tasks.run_turn", lambda pk: run_turn(pk, seconds=-1)
    )

    with django_capture_on_commit_callbacks(execute=True):
        run_import(str(import_.pk))

    import_.refresh_from_db()
    assert (import_.state, import_.done) == (WorkState.WAITING, 1)
    assert sent == [("pochtar.recipients.run_import", str(import_.pk))]


def test_the_tick_finds_an_import_whose_worker_has_died(
    import_: Import,
    sent: list[tuple[Any, ...]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    take(Import, import_.pk)
    with django_capture_on_commit_callbacks(execute=True):
        tick()
    assert sent == []
    Import.objects.update(lease_until=timezone.now())

    with django_capture_on_commit_callbacks(execute=True):
        tick()

    assert sent == [("pochtar.recipients.run_import", str(import_.pk))]


def test_a_worker_writes_nothing_once_the_import_is_cancelled(
    import_: Import, owner: User
) -> None:
    taken = take(Import, import_.pk)
    assert taken
    cancel_import(import_, by=owner)

    with pytest.raises(LeaseLost):
        import_checking.check(taken, over=lambda: False)

    import_.refresh_from_db()
    assert (import_.step, import_.done) == (ImportStep.MAPPED, 0)
    assert not ImportRow.objects.exists()
