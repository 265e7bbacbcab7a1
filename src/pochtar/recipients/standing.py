"""Why the stop list names a recipient, for whoever asks (BNC-07)."""

from __future__ import annotations

from django.db.models import Q

from pochtar.recipients.models import Recipient, Suppression
from pochtar.recipients.stop_marks import above


def stop_of(recipient: Recipient) -> Suppression | None:
    """Return the entry that names the address, else the nearest domain's."""
    domains = above(recipient.email_key.rpartition("@")[2])
    named = Q(address_hash=recipient.address_hash) | Q(domain__in=domains)
    rows = Suppression.objects.filter(named, workspace=recipient.workspace_id)
    # An address has the empty text for its domain; a longer domain is a nearer one.
    return min(
        rows,
        key=lambda row: domains.index(row.domain) if row.domain else -1,
        default=None,
    )
