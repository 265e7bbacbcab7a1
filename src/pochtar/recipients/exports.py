"""Export recipients: order, write the file in constant memory, let it go in time.

Who is meant is written down first, as sixteen bytes each in a file: a search is asked
once, its answer does not shift while the rows are read, and a million ids are no memory.
A worker that dies leaves a part of a file that nobody sees; the next one begins anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from mailcore.sheets import CsvWriter, XlsxWriter
from pochtar.accounts.models import Role, User
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import InvalidInput, PochtarError
from pochtar.recipients.export_columns import known_columns, rows_of
from pochtar.recipients.export_models import Export, ExportFormat
from pochtar.recipients.job_nudges import nudge_export
from pochtar.recipients.models import WorkState
from pochtar.recipients.search import count_up_to
from pochtar.recipients.selections import Selection, pack_selection, unpack_selection
from pochtar.recipients.work import LeaseLost, keep, let_go, take

AT_ONCE = 1000  # so many are written while the person waits
BATCH = 2000
ID_BYTES = 16
ORPHANED = dt.timedelta(hours=6)  # a part of a file that nobody has touched for so long
Writer = CsvWriter | XlsxWriter


def folder() -> Path:
    path = Path(settings.VAR) / "exports"
    path.mkdir(parents=True, exist_ok=True)
    return path


# What a person does --------------------------------------------------------------------
def order_export(
    selection: Selection, *, format: ExportFormat, columns: Sequence[str], by: User
) -> Export:
    """Write the selected into a file: few at once, many in the background.

    A Conflict that stops one of few is raised here, later it is the export's error.
    """
    workspace = selection.search.workspace
    require_role(by, workspace, Role.EDITOR)
    known = dict(known_columns(workspace))
    chosen = [name for name in known if name in set(columns)]
    if not chosen:
        raise InvalidInput(
            "no_columns", _("Choose at least one column."), field="columns"
        )
    found = count_up_to(selection.recipients(), AT_ONCE)
    export = Export.objects.create(
        workspace=workspace,
        created_by=by,
        format=format,
        columns=[{"name": name, "title": known[name]} for name in chosen],
        selection=pack_selection(selection),
        language=get_language() or "",
        total=found.number,
    )
    if found.more:
        nudge_export(export.pk)
    else:
        run_export(export.pk)
        export.refresh_from_db()
    return export


def cancel_export(export: Export, *, by: User) -> bool:
    """Stop it; False if it has ended."""
    require_role(by, export.workspace, Role.VIEWER)
    mine = Export.objects.filter(pk=export.pk, created_by=by)
    open_ = mine.filter(state__in=[WorkState.WAITING, WorkState.RUNNING])
    return bool(
        open_.update(
            state=WorkState.CANCELLED, finished_at=timezone.now(), lease_token=None
        )
    )


def file_of(export: Export) -> Path:
    return folder() / export.stored_as


# What a worker does --------------------------------------------------------------------
def run_export(pk: UUID) -> None:
    """Write the file, unless somebody else does or it has been cancelled."""
    export = take(Export, pk)
    if export is None:
        return
    part = folder() / f"{export.pk.hex}.{export.lease_token}.part"
    ids = part.with_suffix(".ids")
    try:
        _write(export, part, ids)
    except LeaseLost:
        pass
    except PochtarError as error:
        let_go(export, state=WorkState.FAILED, error=error.code)
    finally:
        part.unlink(missing_ok=True)
        ids.unlink(missing_ok=True)


def _write(export: Export, part: Path, ids: Path) -> None:
    selection = unpack_selection(export.workspace, export.selection)
    number = _write_ids(selection, ids)
    keep(export, total=number, done=0, started_at=timezone.now())
    written = 0
    with ExitStack() as stack:
        stack.enter_context(_reading(export.language))
        writer = _open(export, part, stack)
        names = [column["name"] for column in export.columns]
        for batch in _read_ids(ids):
            for cells in rows_of(export.workspace, names, batch):
                writer.write(cells)
                written += 1
            keep(export, done=export.done + len(batch))
    _finish(export, part, written)


def _reading(language: str) -> AbstractContextManager[Any]:
    return override(language) if language else nullcontext()


def _open(export: Export, path: Path, stack: ExitStack) -> Writer:
    titles = [column["title"] for column in export.columns]
    if export.format == ExportFormat.XLSX:
        return stack.enter_context(XlsxWriter(path, titles))
    stream = stack.enter_context(path.open("wb"))
    if export.format == ExportFormat.CSV:
        return CsvWriter(stream, encoding="utf-8", delimiter=",", titles=titles)
    return CsvWriter(stream, titles=titles)


def _write_ids(selection: Selection, path: Path) -> int:
    people = selection.recipients().order_by("pk").values_list("pk", flat=True)
    number = 0
    with path.open("wb") as stream:
        for pk in people.iterator(chunk_size=BATCH):
            stream.write(pk.bytes)
            number += 1
    return number


def _read_ids(path: Path) -> Iterator[list[UUID]]:
    with path.open("rb") as stream:
        while block := stream.read(BATCH * ID_BYTES):
            yield [
                UUID(bytes=block[at : at + ID_BYTES])
                for at in range(0, len(block), ID_BYTES)
            ]


def _finish(export: Export, part: Path, written: int) -> None:
    """Show the file; who is killed before the commit leaves one that is replaced."""
    stored_as = f"{export.pk.hex}.{export.extension}"
    size = part.stat().st_size
    part.replace(folder() / stored_as)
    now = timezone.now()
    with transaction.atomic():
        let_go(
            export,
            state=WorkState.DONE,
            total=written,
            done=written,
            stored_as=stored_as,
            size=size,
            expires_at=now + dt.timedelta(hours=settings.EXPORT_KEEP_HOURS),
        )
        write_audit(
            export.workspace,
            by=export.created_by,
            verb="recipients_exported",
            subject=export,
            number=written,
            format=export.format,
        )


def remove_expired(now: dt.datetime) -> int:
    """Delete the files whose time is over, and what dead workers left; say how many."""
    number = 0
    due = Export.objects.filter(expires_at__lte=now).exclude(stored_as="")
    for export in due.iterator():
        file_of(export).unlink(missing_ok=True)
        number += Export.objects.filter(pk=export.pk).update(stored_as="")
    for path in folder().iterdir():
        touched = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
        if touched < now - ORPHANED and not _is_kept(path):
            path.unlink(missing_ok=True)
            number += 1
    return number


def _is_kept(path: Path) -> bool:
    return Export.objects.filter(stored_as=path.name).exists()
