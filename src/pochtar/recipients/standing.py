"""Whether the stop list names an address: asked when a recipient is written (BNC-07).

The entries outlive the recipients, so whoever is added again finds theirs there.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q

from pochtar.accounts.models import Workspace
from pochtar.base.addresshash import hash_address
from pochtar.recipients.models import Recipient, Suppression


def hold_stop_list(workspace: Workspace) -> None:
    """Let nobody change the stop list until the transaction ends.

    Else an entry that is being written would not see the recipient, nor be seen.
    """
    mine = Workspace.objects.select_for_update(no_key=True).filter(pk=workspace.pk)
    mine.values_list("pk", flat=True).first()


def mark_suppressed(workspace: Workspace, rows: Iterable[Recipient]) -> None:
    """Set ``suppressed`` of rows that are about to be written."""
    rows = list(rows)
    hashes = {row.pk: hash_address(row.email_key) for row in rows}
    domains = {domain_of(row.email_key) for row in rows}
    found = Suppression.objects.of(workspace).filter(
        Q(address_hash__in=hashes.values()) | Q(domain__in=domains)
    )
    named: set[UUID | str] = set()
    for address_hash, domain in found.values_list("address_hash", "domain"):
        named.add(address_hash or domain)
    for row in rows:
        row.suppressed = hashes[row.pk] in named or domain_of(row.email_key) in named


def stop_of(recipient: Recipient) -> Suppression | None:
    """Return the entry that names the recipient's address, else their domain's."""
    named = Q(address_hash=recipient.address_hash)
    domain = Q(domain=domain_of(recipient.email_key))
    rows = Suppression.objects.filter(named | domain, workspace=recipient.workspace_id)
    # An address has no domain, and the empty text comes first.
    return rows.order_by("domain").first()


def domain_of(email_key: str) -> str:
    return email_key.rpartition("@")[2]
