"""Undo an import: what it added goes, what it changed returns, what changed since stays."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from pochtar.accounts.models import User, Workspace
from pochtar.base.errors import Conflict
from pochtar.recipients.import_files import folder, path_of
from pochtar.recipients.import_pruning import prune_imports
from pochtar.recipients.import_work import run_turn
from pochtar.recipients.imports import (
    can_undo,
    check_import,
    kept_rows,
    undo_import,
)
from pochtar.recipients.leaving import unsubscribe_recipient
from pochtar.recipients.models import (
    Basis,
    Import,
    ImportRow,
    ImportStep,
    Recipient,
    SearchText,
    Subscription,
    UnsubscribedVia,
    WorkState,
)
from pochtar.recipients.search import Search, find_page
from pochtar.recipients.services import Person, change_recipient
from tests.make import make_list, make_recipient
from tests.pochtar.recipients.importing import TABLE, bring_in, check, start, work

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.VAR = tmp_path


def everything(workspace: Workspace) -> list[Any]:
    texts = SearchText.objects.order_by("recipient")
    return [
        list(Recipient.objects.of(workspace).order_by("pk").values()),
        list(Subscription.objects.order_by("pk").values()),
        list(texts.values_list("recipient", "text")),
    ]


def test_an_undo_leaves_everything_as_it_was_before(
    workspace: Workspace, owner: User
) -> None:
    friends = make_list(workspace)
    make_recipient(
        workspace,
        "anna@example.com",
        full_name="Прежняя",
        basis="",
        attributes={"a": "1"},
    )
    make_recipient(workspace, "boris@example.com", full_name="Борис Ёлкин")
    before = everything(workspace)
    import_ = bring_in(
        workspace,
        owner,
        TABLE + "vera@example.com;Вера;\n",
        friends,
        basis=Basis.CONSENT,
    )

    undo_import(import_, by=owner)
    work(import_)

    assert everything(workspace) == before
    assert (import_.step, import_.state) == (ImportStep.UNDONE, WorkState.DONE)
    counts = import_.counts
    assert (counts["removed"], counts["restored"], counts["kept"]) == (1, 2, 0)
    assert not can_undo(import_)


def test_rows_changed_since_are_kept_and_listed(
    workspace: Workspace, owner: User
) -> None:
    friends, others = make_list(workspace), make_list(workspace)
    known = make_recipient(workspace, "anna@example.com", full_name="Прежняя")
    table = (
        TABLE + "vera@example.com;Вера;\ngleb@example.com;Глеб;\ndaria@example.com;;\n"
    )
    import_ = bring_in(workspace, owner, table, friends)
    rows = {row.email: row for row in Recipient.objects.of(workspace)}
    known.refresh_from_db()
    for name in ("anna", "boris"):
        change_recipient(
            rows[f"{name}@example.com"],
            Person(email=f"{name}@example.com", full_name="Новое имя"),
            by=owner,
        )
    unsubscribe_recipient(rows["vera@example.com"], via=UnsubscribedVia.PAGE)
    others.recipients.add(rows["gleb@example.com"])

    undo_import(import_, by=owner)
    work(import_)

    kept = {(row.email, row.added) for row in kept_rows(import_)}
    assert kept == {
        ("anna@example.com", False),
        ("boris@example.com", True),
        ("vera@example.com", True),
        ("gleb@example.com", True),
    }
    assert import_.counts["kept"] == 4
    assert import_.counts["removed"] == 1
    left = Recipient.objects.of(workspace)
    assert {row.email for row in left} == {email for email, _added in kept}
    assert left.get(email="anna@example.com").full_name == "Новое имя"


def test_an_undone_file_can_be_imported_again(
    workspace: Workspace, owner: User
) -> None:
    import_ = bring_in(workspace, owner)
    undo_import(import_, by=owner)
    work(import_)

    again = bring_in(workspace, owner)

    assert again.counts["new"] == 2
    assert find_page(Search(workspace=workspace, text="елкин")).page.rows


def test_a_later_import_keeps_what_it_found_from_an_undo_of_the_earlier(
    workspace: Workspace, owner: User
) -> None:
    first = bring_in(workspace, owner)
    second = bring_in(workspace, owner, TABLE.replace("Анна", "Анюта"))

    undo_import(first, by=owner)
    work(first)

    assert [row.email for row in kept_rows(first)] == ["anna@example.com"]
    undo_import(second, by=owner)
    work(second)
    assert Recipient.objects.get().full_name == "Анна Петрова"


def test_what_has_not_been_applied_cannot_be_undone(
    workspace: Workspace, owner: User
) -> None:
    import_ = check(workspace, owner, TABLE)

    assert not can_undo(import_)
    with pytest.raises(Conflict):
        undo_import(import_, by=owner)


def test_after_thirty_days_rows_and_file_are_forgotten_and_the_line_stays(
    workspace: Workspace, owner: User, settings: Any
) -> None:
    import_ = bring_in(workspace, owner)
    path = path_of(import_)
    long_ago = timezone.now() - dt.timedelta(days=settings.IMPORT_KEEP_DAYS + 1)
    Import.objects.update(finished_at=long_ago)

    assert prune_imports() == 1

    import_.refresh_from_db()
    assert not path.exists()
    assert not ImportRow.objects.exists()
    assert Recipient.objects.count() == 2
    with pytest.raises(Conflict) as caught:
        undo_import(import_, by=owner)
    assert caught.value.code == "import_too_old"


def test_an_upload_that_nobody_goes_on_with_is_forgotten_after_a_day(
    workspace: Workspace, owner: User
) -> None:
    old, fresh = check(workspace, owner, TABLE), check(workspace, owner, TABLE)
    Import.objects.filter(pk=old.pk).update(
        created_at=timezone.now() - dt.timedelta(days=2)
    )

    prune_imports()

    assert Import.objects.get() == fresh
    assert [path.name for path in folder().iterdir()] == [fresh.stored_as]
    assert ImportRow.objects.count() == 2


def test_the_rows_of_an_earlier_check_are_forgotten(
    workspace: Workspace, owner: User
) -> None:
    import_ = check(workspace, owner, TABLE)
    check_import(import_, by=owner, columns=import_.columns, lists=[])
    work(import_)

    prune_imports()

    assert ImportRow.objects.count() == 2
    assert import_.lot


def test_a_file_that_has_gone_fails_the_check_and_says_so(
    workspace: Workspace, owner: User
) -> None:
    import_ = start(workspace, owner, TABLE)
    check_import(import_, by=owner, columns=import_.columns, lists=[])
    path_of(import_).unlink()

    assert not run_turn(import_.pk)

    import_.refresh_from_db()
    assert (import_.state, import_.error) == (WorkState.FAILED, "file_unreadable")
