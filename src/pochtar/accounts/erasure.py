"""Take a person out of the audit log: the lines stay, what named them goes (LAW-06)."""

from __future__ import annotations

import json
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from pochtar.accounts.models import AuditEntry
from pochtar.base.traces import Traces


def erase_audit(traces: Traces) -> None:
    """Hide the person in the lines about them, and the addresses in all others."""
    lines = AuditEntry.objects.filter(workspace=traces.workspace_id)
    _hide(lines.filter(subject_id=str(traces.recipient_id)), traces)
    # No index finds a text in details: the workspace's lines are read once.
    as_text = lines.annotate(text=Cast("details", TextField()))
    _hide(
        as_text.filter(reduce(or_, map(_spelled, sorted(traces.addresses)))),
        Traces(traces.workspace_id, traces.recipient_id, traces.addresses),
    )


def _spelled(address: str) -> Q:
    # SQLite keeps JSON as we wrote it, in ASCII; PostgreSQL in letters.
    in_ascii = json.dumps(address)[1:-1]
    return Q(text__icontains=address) | Q(text__icontains=in_ascii)


def _hide(lines: QuerySet[AuditEntry], traces: Traces) -> None:
    for line in lines.exclude(details={}):
        hidden = traces.hide_in(line.details)
        if hidden != line.details:
            AuditEntry.objects.filter(pk=line.pk).update(details=hidden)
