"""Whether the stop list names an address: by its hash, or one of its domains."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from pochtar.recipients.models import Recipient, Suppression


def domains_above(email_key: str) -> list[str]:
    """Return the address's domain and those that it lies in, the narrowest first."""
    labels = email_key.rpartition("@")[2].split(".")
    return [".".join(labels[number:]) for number in range(len(labels) - 1)]


def stops_of(recipient: Recipient) -> QuerySet[Suppression]:
    """Return the lines of the stop list that name the recipient."""
    found: QuerySet[Suppression] = Suppression.objects.filter(
        Q(address_hash=recipient.address_hash)
        | Q(domain__in=domains_above(recipient.email_key)),
        workspace=recipient.workspace_id,
    )
    return found.order_by("-id")
