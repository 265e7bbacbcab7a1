"""Take a person out of background work: bulk actions, uploads, what searches remember."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from pochtar.base.errors import Conflict
from pochtar.base.hiding import hide_addresses
from pochtar.base.traces import HIDDEN, Traces
from pochtar.recipients.exports import file_of
from pochtar.recipients.models import (
    BulkItem,
    BulkJob,
    Export,
    Segment,
    StopUpload,
    WorkState,
)

ENCODINGS = ("utf-8", "cp1251", "utf-16-le", "utf-16-be")


def erase_work(traces: Traces) -> None:
    """Hide what bulk actions remember of the person, and whoever was searched for."""
    jobs = BulkJob.objects.filter(workspace=traces.workspace_id)
    items = BulkItem.objects.filter(job__in=jobs, recipient_id__in=traces.ids)
    for item in items.exclude(before=None):
        # A value of old: nothing else knows it any more, so all of it goes.
        BulkItem.objects.filter(pk=item.pk).update(before=_blank(item.before))
    hide_addresses(jobs, "selection", traces)
    hide_addresses(jobs, "wish", traces)
    segments = Segment.objects.filter(workspace=traces.workspace_id)
    hide_addresses(segments, "rule", traces)
    _forget_uploads(traces)
    _forget_exports(traces)


def _forget_exports(traces: Traces) -> None:
    """Drop the workspace's exported files: each can be ordered again, without them.

    Conflict while one is being written: it has read the recipients already.
    """
    exports = Export.objects.filter(workspace=traces.workspace_id)
    hide_addresses(exports, "selection", traces)
    if exports.filter(state__in=[WorkState.WAITING, WorkState.RUNNING]).exists():
        raise Conflict(
            "export_under_way",
            _("An export is just being written. Try again in a minute."),
        )
    for export in exports.exclude(stored_as=""):
        file_of(export).unlink(missing_ok=True)
        Export.objects.filter(pk=export.pk).update(stored_as="")


def _blank(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _blank(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_blank(each) for each in value]
    return HIDDEN if isinstance(value, str) else value


def _forget_uploads(traces: Traces) -> None:
    """Drop uploads of stop lists that name the person: they live for a day anyway."""
    uploads = StopUpload.objects.filter(workspace=traces.workspace_id)
    for upload in uploads.only("pk", "content"):
        content = bytes(upload.content)
        if any(traces.named_in(content.decode(one, "ignore")) for one in ENCODINGS):
            upload.delete()
