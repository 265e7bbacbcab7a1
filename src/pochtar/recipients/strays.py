"""Count rows whose owner is gone, where the database does not check it."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, OuterRef

from pochtar.accounts.models import Workspace
from pochtar.recipients.models import Recipient, RecipientList, Subscription


def count_strays() -> dict[str, int]:
    """Return how many there are of each kind: none, if all is well (doctor)."""
    return dict(_counts())


def _counts() -> Iterator[tuple[str, int]]:
    workspace = Workspace.objects.filter(pk=OuterRef("workspace"))
    yield "workspace", Recipient.objects.filter(~Exists(workspace)).count()
    one = RecipientList.objects.filter(pk=OuterRef("list"))
    yield "list", Subscription.objects.filter(~Exists(one)).count()
    person = Recipient.objects.filter(pk=OuterRef("recipient"))
    yield "recipient", Subscription.objects.filter(~Exists(person)).count()
