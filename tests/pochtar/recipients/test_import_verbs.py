"""What may be asked of an import, when, and by whom (issue 4, SEC-11, SEC-21)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailcore.sheets import LIMITS
from pochtar.accounts.models import AuditEntry, User, Workspace
from pochtar.base.errors import Conflict, InvalidInput, NotAllowed
from pochtar.recipients import import_applying, import_files
from pochtar.recipients.import_work import run_turn
from pochtar.recipients.imports import (
    apply_import,
    cancel_import,
    check_import,
    delete_import,
    reread_import,
    start_paste,
)
from pochtar.recipients.models import (
    Import,
    ImportRow,
    ImportStep,
    Recipient,
    WorkState,
)
from pochtar.recipients.search import Search, find_page
from tests.make import make_member
from tests.pochtar.recipients.importing import TABLE, bring_in, check, start, work

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.VAR = tmp_path


def people(workspace: Workspace) -> dict[str, Recipient]:
    rows = Recipient.objects.of(workspace).order_by("pk")
    return {row.email_key: row for row in rows}


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ([{"to": "full_name"}], "no_email_column"),
        ([{"to": "email"}, {"to": "email"}], "two_email_columns"),
        (
            [{"to": "email"}, *[{"to": "attribute", "key": "a"}] * 2],
            "column_twice",
        ),
        ([{"to": "email"}, {"to": "attribute", "key": "1"}], "attribute_key"),
        ([{"to": "email"}, {"to": "full_name"}, {"to": "last_name"}], "name_twice"),
        (
            [{"to": "email"}]
            + [{"to": "attribute", "key": f"k{n}"} for n in range(51)],
            "too_many_attributes",
        ),
    ],
)
def test_columns_are_checked_at_once(
    workspace: Workspace, owner: User, columns: list[dict[str, str]], code: str
) -> None:
    import_ = start(workspace, owner, TABLE)

    with pytest.raises(InvalidInput) as caught:
        check_import(import_, by=owner, columns=columns, lists=[])

    assert (caught.value.code, caught.value.field) == (code, "columns")


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "empty"), (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "binary")],
)
def test_a_file_in_which_nothing_can_be_read_is_refused_with_what_was_expected(
    workspace: Workspace, owner: User, data: bytes, code: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        start(workspace, owner, data)

    assert (caught.value.code, caught.value.field) == (code, "file")
    assert str(caught.value)
    assert not Import.objects.exists()
    assert not list(import_files.folder().iterdir())


def test_no_more_is_stored_of_a_file_than_may_be_read(
    workspace: Workspace, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-11: whatever the sender says about its size."""
    limits = LIMITS
    object.__setattr__(limits, "file_bytes", 100)
    monkeypatch.setattr(import_files, "BLOCK", 64)
    try:
        with pytest.raises(InvalidInput, match="0") as caught:
            start(workspace, owner, TABLE * 10)
    finally:
        object.__setattr__(limits, "file_bytes", 200 << 20)

    assert caught.value.code == "too_big"


def test_a_workspace_has_so_many_imports_a_day(
    workspace: Workspace, owner: User, settings: Any
) -> None:
    """SEC-21."""
    settings.IMPORTS_PER_DAY = 1
    start(workspace, owner, TABLE)

    with pytest.raises(InvalidInput) as caught:
        start(workspace, owner, TABLE)

    assert caught.value.code == "too_many_imports"


def test_a_viewer_may_not_import(workspace: Workspace, owner: User) -> None:
    import_ = check(workspace, owner, TABLE)
    viewer = make_member(workspace)

    for verb in (
        lambda: start(workspace, viewer, TABLE),
        lambda: check_import(import_, by=viewer, columns=import_.columns, lists=[]),
        lambda: apply_import(import_, by=viewer),
        lambda: cancel_import(import_, by=viewer),
        lambda: delete_import(import_, by=viewer),
    ):
        with pytest.raises(NotAllowed):
            verb()


def test_a_paste_is_imported_too(workspace: Workspace, owner: User) -> None:
    import_ = start_paste(workspace, by=owner, text="anna@example.com\nb@example.com")

    check_import(import_, by=owner, columns=import_.columns, lists=[])

    assert work(import_).counts["new"] == 2


def test_a_file_can_be_read_in_another_way_before_the_check(
    workspace: Workspace, owner: User
) -> None:
    import_ = start(workspace, owner, TABLE.encode("cp1251"))

    reread_import(import_, by=owner, encoding="koi8-r", delimiter=";", header=True)

    assert import_.understood["encoding"] == "koi8-r"


def test_a_check_may_be_done_anew_with_other_choices(
    workspace: Workspace, owner: User
) -> None:
    import_ = check(workspace, owner, TABLE)
    lot = import_.lot
    columns = [{**column, "to": "skip"} for column in import_.columns]
    columns[0]["to"] = "email"

    check_import(import_, by=owner, columns=columns, lists=[])
    work(import_)
    apply_import(import_, by=owner)
    work(import_)

    assert import_.lot != lot
    assert {row.full_name for row in people(workspace).values()} == {""}


def test_an_import_is_applied_once(workspace: Workspace, owner: User) -> None:
    import_ = bring_in(workspace, owner)

    with pytest.raises(Conflict):
        apply_import(import_, by=owner)


def test_a_cancelled_import_keeps_what_is_in_and_can_be_searched(
    workspace: Workspace, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CHUNK", "CHUNK_SQLITE"):
        monkeypatch.setattr(import_applying, name, 2)
    table = TABLE + "vera@example.com;Вера;\n"
    import_ = check(workspace, owner, table)
    apply_import(import_, by=owner)
    run_turn(import_.pk, seconds=-1)

    cancel_import(import_, by=owner)
    work(import_)

    assert import_.state == WorkState.CANCELLED
    assert list(people(workspace)) == ["anna@example.com"]
    assert import_.counts["new"] == 1
    assert find_page(Search(workspace=workspace, text="петрова")).page.rows


def test_a_cancelled_check_goes_back_to_the_choice_of_columns(
    workspace: Workspace, owner: User
) -> None:
    import_ = start(workspace, owner, TABLE)
    check_import(import_, by=owner, columns=import_.columns, lists=[])

    cancel_import(import_, by=owner)

    assert (import_.step, import_.state) == (ImportStep.MAPPED, WorkState.IDLE)
    assert not run_turn(import_.pk)


def test_a_deleted_import_leaves_no_rows_and_no_file(
    workspace: Workspace, owner: User
) -> None:
    import_ = bring_in(workspace, owner)

    delete_import(import_, by=owner)

    assert Import.objects.get().pruned_at
    assert not ImportRow.objects.exists()
    assert not import_files.path_of(import_).exists()
    assert Recipient.objects.count() == 2


def test_each_step_is_in_the_audit_log(workspace: Workspace, owner: User) -> None:
    bring_in(workspace, owner)

    verbs = set(AuditEntry.objects.values_list("verb", flat=True))
    assert verbs >= {"import_started", "import_applied", "import_finished"}
