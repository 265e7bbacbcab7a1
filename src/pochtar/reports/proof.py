"""On what ground a recipient is written to, and the last line of the ledger about it."""

from __future__ import annotations

from pochtar.recipients.models import ConsentEntry, ConsentSubject, Recipient


def last_proof(recipient: Recipient) -> ConsentEntry | None:
    """Return the newest line about the address, alone or among many."""
    alone: ConsentEntry | None = (
        ConsentEntry.objects.of(recipient.workspace)
        .filter(address_hash=recipient.address_hash)
        .order_by("-id")
        .first()
    )
    among = (
        ConsentSubject.objects.filter(
            address_hash=recipient.address_hash,
            entry__workspace=recipient.workspace_id,
        )
        .select_related("entry")
        .order_by("-id")
        .first()
    )
    found = [entry for entry in (alone, among.entry if among else None) if entry]
    return max(found, key=lambda entry: entry.sequence, default=None)
