"""Take a stop list in from a file, after a look at it, and give it out as one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.addresshash import hash_address
from pochtar.base.errors import Conflict, InvalidInput, PochtarError
from pochtar.recipients.cleaning import clean_address
from pochtar.recipients.job_nudges import nudge_upload
from pochtar.recipients.models import (
    StopUpload,
    Suppression,
    SuppressionReason,
    WorkState,
)
from pochtar.recipients.stop_marks import batches
from pochtar.recipients.stop_rows import MOST_BYTES, Refused, read_stop_list
from pochtar.recipients.stoplist import StopEntry, stop_batch
from pochtar.recipients.work import LeaseLost, keep, let_go, take

SHOWN = 100  # refused rows
KEPT_FOR = dt.timedelta(days=1)
READ_AT_ONCE = 2000
AT_ONCE = 100_000  # bytes that are imported while the reader waits


@dataclass(slots=True, kw_only=True)
class Preview:
    """What an import would do; the first refused rows with their reasons."""

    new: int = 0
    known: int = 0
    twice: int = 0
    refused: int = 0
    shown: list[Refused] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return self.new + self.known + self.twice + self.refused


def keep_upload(
    workspace: Workspace,
    content: bytes,
    *,
    file_name: str = "",
    reason: SuppressionReason = SuppressionReason.MANUAL,
    by: User,
) -> StopUpload:
    """Keep the file for a day, to be looked at; InvalidInput if it cannot be read."""
    require_role(by, workspace, Role.EDITOR)
    if len(content) > MOST_BYTES:
        raise InvalidInput(
            "too_big", _("The file is too big: at most 20 MB."), field="file"
        )
    next(read_stop_list(content, file_name, reason), None)
    old = StopUpload.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    old.exclude(state__in=[WorkState.WAITING, WorkState.RUNNING]).delete()
    return StopUpload.objects.create(
        workspace=workspace,
        created_by=by,
        file_name=file_name[-200:],
        content=content,
        reason=reason,
        state=WorkState.IDLE,
    )


def preview_upload(upload: StopUpload) -> Preview:
    """Read all of it and say what would happen; InvalidInput as `keep_upload`."""
    preview, seen = Preview(), set[UUID | str]()
    for batch in batches(_rows(upload)):
        fresh: list[UUID | str] = []
        for row in batch:
            if isinstance(row, Refused):
                preview.refused += 1
                preview.shown += [row] if len(preview.shown) < SHOWN else []
            elif (key := _key(row)) in seen:
                preview.twice += 1
            else:
                seen.add(key)
                fresh.append(key)
        known = _known(upload.workspace, fresh)
        preview.known += known
        preview.new += len(fresh) - known
    return preview


def import_upload(upload: StopUpload, *, by: User) -> StopUpload:
    """Add what can be read: little at once, much in the background.

    Conflict "upload_moved_on" if somebody has said so already.
    """
    require_role(by, upload.workspace, Role.EDITOR)
    waiting = StopUpload.objects.filter(
        pk=upload.pk, state__in=[WorkState.IDLE, WorkState.FAILED]
    )
    order = {"state": WorkState.WAITING, "created_by": by, "error": ""}
    if not waiting.update(**order, finished_at=None):
        raise Conflict("upload_moved_on", _("This list is being imported already."))
    if len(upload.content) > AT_ONCE:
        nudge_upload(upload.pk)
        upload.refresh_from_db()
        return upload
    run_upload(upload.pk)
    upload.refresh_from_db()
    if upload.state == WorkState.DONE:
        # Its page would say nothing that the list does not.
        StopUpload.objects.filter(pk=upload.pk).delete()
    return upload


def run_upload(pk: UUID) -> None:
    """Add its entries, from where the last worker got to, unless somebody else does."""
    upload = take(StopUpload, pk)
    if upload is None:
        return
    try:
        _add_entries(upload)
    except LeaseLost:
        pass
    except PochtarError as error:
        let_go(upload, state=WorkState.FAILED, error=error.code)


def _add_entries(upload: StopUpload) -> None:
    if not upload.started_at:
        rows = sum(isinstance(row, StopEntry) for row in _rows(upload))
        keep(upload, started_at=timezone.now(), total=rows)
    entries = (row for row in _rows(upload) if isinstance(row, StopEntry))
    for batch in batches(islice(entries, upload.done, None)):
        with transaction.atomic():
            new = stop_batch(upload.workspace, batch, by=upload.created_by)
            keep(
                upload,
                done=upload.done + len(batch),
                added=upload.added + new.added,
                marked=upload.marked + new.marked,
            )
    with transaction.atomic():
        let_go(upload, state=WorkState.DONE, content=b"")
        write_audit(
            upload.workspace,
            by=upload.created_by,
            verb="stop_list_imported",
            subject=upload.workspace,
            number=upload.added,
            source=upload.file_name,
        )


def export_stop_list(workspace: Workspace, *, by: User) -> Iterator[list[Any]]:
    """Yield the list's rows, oldest first: what, reason, evidence, when, who, hash."""
    require_role(by, workspace, Role.VIEWER)
    write_audit(workspace, by=by, verb="stop_list_exported", subject=workspace)
    # In the reader's language now: the file is written later.
    labels = {str(one.value): str(one.label) for one in SuppressionReason}
    return _lines(workspace, labels)


def _lines(workspace: Workspace, labels: dict[str, str]) -> Iterator[list[Any]]:
    rows = (
        Suppression.objects.of(workspace)
        .order_by("pk")
        .annotate(who=F("created_by__email"))
    )
    for row in rows.iterator(chunk_size=READ_AT_ONCE):
        yield [
            row.domain or row.email,
            labels.get(row.reason, row.reason),
            row.evidence,
            timezone.localtime(row.created_at, workspace.tz).strftime("%Y-%m-%d %H:%M"),
            row.who or "",
            row.address_hash.hex if row.address_hash else "",
        ]


def _rows(upload: StopUpload) -> Iterator[StopEntry | Refused]:
    reason = SuppressionReason(upload.reason)
    return read_stop_list(bytes(upload.content), upload.file_name, reason)


def _key(entry: StopEntry) -> UUID | str:
    return entry.domain or hash_address(clean_address(entry.email).key)


def _known(workspace: Workspace, keys: Iterable[UUID | str]) -> int:
    hashes = [key for key in keys if isinstance(key, UUID)]
    domains = [key for key in keys if isinstance(key, str)]
    rows = Suppression.objects.of(workspace)
    number: int = rows.filter(address_hash__in=hashes).count()
    if domains:
        number += rows.filter(domain__in=domains).count()
    return number
