"""Take a person out of the audit log: the lines stay, what named them goes (LAW-06)."""

from __future__ import annotations

from pochtar.accounts.models import AuditEntry
from pochtar.base.hiding import hide_addresses, hide_all
from pochtar.base.traces import Traces


def erase_audit(traces: Traces) -> None:
    """Hide the person in the lines about them, and the addresses in all others."""
    lines = AuditEntry.objects.filter(workspace=traces.workspace_id)
    ids = [str(pk) for pk in traces.ids]
    hide_all(lines.filter(subject_id__in=ids).exclude(details={}), "details", traces)
    hide_addresses(lines.exclude(details={}), "details", traces)
