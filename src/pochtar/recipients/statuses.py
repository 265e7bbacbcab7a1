"""Whether recipients get mailings, as tables and segments ask for it.

The three that do not have an index each (models.py): few, as a rule, and looked for.
"""

from __future__ import annotations

from django.db.models import Q

STATUSES = {
    "unsubscribed": Q(unsubscribed_at__isnull=False),
    "stopped": Q(suppressed=True),
    "unconfirmed": Q(basis=""),
    "subscribed": Q(unsubscribed_at__isnull=True, suppressed=False) & ~Q(basis=""),
}
LOOKED_FOR = ("unsubscribed", "stopped", "unconfirmed")
