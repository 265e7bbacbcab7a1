"""What can be done with an import: a file of recipients on its way in, and out again.

A file is stored, understood and recognised at once; everything that looks at all its
rows happens in the background (import_work.py), in batches that can be cut off anywhere.
Nothing is written to recipients before `apply_import`.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePath
from typing import BinaryIO

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mailcore.sheets import (
    Preview,
    SheetError,
    Understood,
    from_paste,
    preview,
    recognise,
    understand,
)
from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.recipients.attributes import keep_keys
from pochtar.recipients.import_choices import clean_basis, clean_columns, clean_lists
from pochtar.recipients.import_files import forget, path_of, store
from pochtar.recipients.import_moves import begin, move, moved_on, next_lot
from pochtar.recipients.import_pruning import forget_rows
from pochtar.recipients.import_report import (
    Kept,
    Sample,
    kept_rows,
    refused_file,
    refused_file_name,
    sample_rows,
)
from pochtar.recipients.import_words import REFUSALS, is_reason_title, refuse_file
from pochtar.recipients.import_work import nudge_import
from pochtar.recipients.models import (
    Basis,
    Import,
    ImportStep,
    RecipientList,
    WorkState,
)

__all__ = [
    "REFUSALS",
    "Kept",
    "Sample",
    "apply_import",
    "can_undo",
    "cancel_import",
    "check_import",
    "delete_import",
    "kept_rows",
    "preview_import",
    "refused_file",
    "refused_file_name",
    "reread_import",
    "sample_rows",
    "start_import",
    "start_paste",
    "undo_import",
]

BEFORE_CHECK = (ImportStep.UPLOADED, ImportStep.MAPPED, ImportStep.CHECKED)
STOPPED = (WorkState.DONE, WorkState.CANCELLED, WorkState.FAILED)
SEEN = 20  # rows by which columns are recognised


# Before the check ----------------------------------------------------------------------
def start_import(
    workspace: Workspace, *, by: User, stream: BinaryIO, file_name: str, size: int
) -> Import:
    """Store the file (streamed), understand it, and propose what its columns are.

    Step UPLOADED, state IDLE.  InvalidInput(field="file") says what was expected of a
    file in which nothing can be read: empty, too_big, not_a_table, encrypted, …
    """
    require_role(by, workspace, Role.EDITOR)
    _check_quota(workspace)
    name = PurePath(file_name.replace("\\", "/")).name[-200:]
    return _start(workspace, by=by, stream=stream, file_name=name, field="file")


def start_paste(workspace: Workspace, *, by: User, text: str) -> Import:
    """The same for what was pasted; InvalidInput(field="text")."""
    require_role(by, workspace, Role.EDITOR)
    _check_quota(workspace)
    try:
        stream = io.BytesIO(from_paste(text))
    except SheetError as error:
        raise refuse_file(error, field="text") from error
    return _start(workspace, by=by, stream=stream, file_name="", field="text")


def reread_import(
    import_: Import,
    *,
    by: User,
    encoding: str = "",
    delimiter: str = "",
    header: bool | None = None,
    sheet: int | None = None,
) -> Import:
    """Read the file in another way; what columns are is proposed anew.

    What is not given is found out.  Before the check only (Conflict
    "import_moved_on"); InvalidInput(field="file") if it cannot be read that way.
    """
    require_role(by, import_.workspace, Role.EDITOR)
    try:
        understood = understand(
            path_of(import_),
            file_name=import_.file_name,
            encoding=encoding,
            delimiter=delimiter,
            header=header,
            sheet=sheet,
        )
        columns = _recognised(import_, understood)
    except SheetError as error:
        raise refuse_file(error) from error
    move(
        import_,
        {"step__in": BEFORE_CHECK, "state": WorkState.IDLE},
        step=ImportStep.UPLOADED,
        understood=understood.as_json(),
        columns=columns,
    )
    return import_


def preview_import(import_: Import) -> Preview:
    """Return the first rows, as they are understood now; InvalidInput as above."""
    try:
        return preview(path_of(import_), Understood.from_json(import_.understood))
    except SheetError as error:
        raise refuse_file(error) from error


# In the background ---------------------------------------------------------------------
def check_import(
    import_: Import,
    *,
    by: User,
    columns: Sequence[Mapping[str, str]],
    lists: Sequence[RecipientList],
    update_existing: bool = True,
    basis: Basis | str = "",
    wording: str = "",
) -> Import:
    """Take the choices and start looking at the whole file, in the background.

    ``columns``: as `Import.columns`, one for each of the file's: {"title", "to", "key"}.
    InvalidInput: field="columns" (no_email_column, two_email_columns, column_twice,
    name_twice, too_many_attributes, too_many_keys, unknown_field, and clean_key's codes;
    details["column"] is the index), field="lists", "basis", "wording".  May be called
    again after a check, also one that failed.
    """
    workspace = import_.workspace
    require_role(by, workspace, Role.EDITOR)
    values = {
        "columns": clean_columns(workspace, columns),
        "update_existing": update_existing,
        **clean_basis(basis, wording),
    }
    chosen = clean_lists(workspace, lists)
    for _try in range(3):
        try:
            with transaction.atomic():
                begin(
                    import_,
                    ImportStep.CHECKING,
                    {"step__in": BEFORE_CHECK, "state": WorkState.IDLE},
                    {"step": ImportStep.CHECKING, "state": WorkState.FAILED},
                    lot=next_lot(),
                    counts={},
                    refusals={},
                    **values,
                )
                import_.lists.set(chosen)
            return import_
        except IntegrityError:  # two took the same lot
            continue
    raise moved_on()


@transaction.atomic
def apply_import(import_: Import, *, by: User) -> Import:
    """Do what the check has shown, in the background; Conflict unless it is CHECKED.

    One that failed half-way goes on where it was.
    """
    workspace = import_.workspace
    require_role(by, workspace, Role.EDITOR)
    if import_.state == WorkState.FAILED and import_.stamp:
        halves = (ImportStep.APPLYING, ImportStep.INDEXING)
        move(
            import_,
            {"step__in": halves, "state": WorkState.FAILED},
            state=WorkState.WAITING,
            error="",
            finished_at=None,
        )
        nudge_import(import_.pk)
        return import_
    begin(
        import_,
        ImportStep.APPLYING,
        {"step": ImportStep.CHECKED, "state": WorkState.IDLE},
        stamp=timezone.now(),
        applied={},
    )
    columns = [one for one in import_.columns if one["to"] == "attribute"]
    names = {column["key"]: column["title"] for column in columns}
    keep_keys(workspace, names, names)
    write_audit(
        workspace,
        by=by,
        verb="import_applied",
        subject=import_,
        file=import_.file_name,
        counts=import_.counts,
    )
    return import_


@transaction.atomic
def undo_import(import_: Import, *, by: User) -> Import:
    """Take back what it did, in the background, except rows changed since.

    For finished imports, and those that were cancelled or failed while they were
    applied; Conflict "import_too_old" once its rows have been pruned.
    """
    require_role(by, import_.workspace, Role.EDITOR)
    if import_.pruned_at:
        raise Conflict(
            "import_too_old",
            _("What this import did is no longer remembered; it cannot be undone."),
        )
    applied = (ImportStep.APPLYING, ImportStep.INDEXING, ImportStep.FINISHED)
    again = import_.step == ImportStep.UNDOING
    place = {"cursor": import_.cursor, "done": import_.done} if again else {}
    begin(
        import_,
        ImportStep.UNDOING,
        {"step__in": applied, "state__in": STOPPED, "stamp__isnull": False},
        {"step": ImportStep.UNDOING, "state": WorkState.FAILED},
        **place,
    )
    write_audit(import_.workspace, by=by, verb="import_undo_begun", subject=import_)
    return import_


@transaction.atomic
def cancel_import(import_: Import, *, by: User) -> Import:
    """Stop it.

    While it is checked: back to the choice of columns.  While it is applied: what is in
    stays (and can be undone), state CANCELLED as soon as that can be searched.  Before:
    it is over.  Conflict "import_moved_on" when all is in.
    """
    require_role(by, import_.workspace, Role.EDITOR)
    import_.refresh_from_db()
    free = {"lease_token": None, "lease_until": None}
    active = {"state__in": [WorkState.WAITING, WorkState.RUNNING]}
    if import_.step == ImportStep.CHECKING:
        move(
            import_,
            {"step": ImportStep.CHECKING, **active},
            step=ImportStep.MAPPED,
            state=WorkState.IDLE,
            **free,
        )
    elif import_.step == ImportStep.APPLYING:
        begin(
            import_,
            ImportStep.INDEXING,
            {"step": ImportStep.APPLYING, **active},
            error="cancelled",
            counts={**import_.counts, **import_.applied},
            **free,
        )
    else:
        move(
            import_,
            {"step__in": BEFORE_CHECK, "state": WorkState.IDLE},
            state=WorkState.CANCELLED,
            finished_at=timezone.now(),
        )
    write_audit(import_.workspace, by=by, verb="import_cancelled", subject=import_)
    return import_


def delete_import(import_: Import, *, by: User) -> None:
    """Remove the file and what is remembered of its rows: no report, no undo any more.

    The line of the history stays if it has changed recipients.  Conflict while active.
    """
    require_role(by, import_.workspace, Role.EDITOR)
    with transaction.atomic():
        idle = Import.objects.filter(
            pk=import_.pk, state__in=[WorkState.IDLE, *STOPPED]
        )
        if not idle.update(pruned_at=timezone.now()):
            raise moved_on()
        import_.refresh_from_db()
        write_audit(import_.workspace, by=by, verb="import_deleted", subject=import_)
        if not import_.stamp:
            idle.delete()
    forget(import_.stored_as)
    if import_.lot:
        forget_rows(import_.lot)


def can_undo(import_: Import) -> bool:
    """Say whether `undo_import` would begin."""
    applied = import_.step in {
        ImportStep.APPLYING,
        ImportStep.INDEXING,
        ImportStep.FINISHED,
    } and bool(import_.stamp)
    failed = import_.step == ImportStep.UNDOING and import_.state == WorkState.FAILED
    stopped = import_.state in STOPPED
    return stopped and (applied or failed) and not import_.pruned_at


# Within --------------------------------------------------------------------------------
def _start(
    workspace: Workspace, *, by: User, stream: BinaryIO, file_name: str, field: str
) -> Import:
    name = ""
    try:
        name, size, digest = store(stream)
        import_ = Import(
            workspace=workspace,
            created_by=by,
            state=WorkState.IDLE,
            file_name=file_name,
            stored_as=name,
            size=size,
            sha256=digest,
        )
        understood = understand(path_of(import_), file_name=file_name)
        import_.understood = understood.as_json()
        import_.columns = _recognised(import_, understood)
        with transaction.atomic():
            import_.save(force_insert=True)
            write_audit(
                workspace,
                by=by,
                verb="import_started",
                subject=import_,
                file=file_name,
                size=size,
            )
    except BaseException as error:
        forget(name)
        if isinstance(error, SheetError):
            raise refuse_file(error, field=field) from error
        raise
    return import_


def _recognised(import_: Import, understood: Understood) -> list[dict[str, str]]:
    """Propose what the columns are; the reasons of an earlier refusal are skipped."""
    seen = preview(path_of(import_), understood, rows=SEEN)
    columns = [
        asdict(column) for column in recognise(seen.titles, seen.kinds, rows=seen.rows)
    ]
    for column in columns:
        if is_reason_title(column["title"]):
            column["to"] = "skip"
    return columns


def _check_quota(workspace: Workspace) -> None:
    """Refuse more imports a day than anybody means to make (SEC-21)."""
    since = timezone.now() - dt.timedelta(days=1)
    recent = Import.objects.of(workspace).filter(created_at__gt=since).count()
    if recent >= settings.IMPORTS_PER_DAY:
        raise InvalidInput(
            "too_many_imports",
            _("At most %(most)d files can be imported within a day.")
            % {"most": settings.IMPORTS_PER_DAY},
            field="file",
        )
