"""What apps above this one know about recipients, and segments ask about.

Such an app names its part when it starts (AppConfig.ready, before there are models):
an object that is a `Mailings`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from functools import cache
from typing import Protocol
from uuid import UUID

from django.db.models import Q
from django.utils.module_loading import import_string

_paths: dict[str, str] = {}


class Mailings(Protocol):
    def received(
        self, workspace: UUID, *, mailing: UUID | None, since: dt.datetime | None
    ) -> Q:
        """Return the condition: they got this mailing, or any since that moment."""
        ...

    def names(self, workspace: UUID, ids: Collection[str]) -> dict[str, str]:
        """Return the names of those of the mailings that there are."""
        ...


def know_mailings(path: str) -> None:
    """Take the dotted path of the app's part."""
    _paths["mailings"] = path
    mailings.cache_clear()


@cache
def mailings() -> Mailings:
    found: Mailings = import_string(_paths["mailings"])
    return found
