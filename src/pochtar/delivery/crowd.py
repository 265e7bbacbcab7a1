"""Whose letters a slice holds, one after the other, for what counts by provider.

Most slices are of one provider.  A canary and a random sample are mixed, and a domain's
provider may have been found after the slices were cut: those are looked at one by one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.utils import timezone

from mailcore.providers import OTHERS, provider_of_domain
from pochtar.delivery.members import members_of
from pochtar.delivery.models import DomainRoute, Relay, Slice, SliceStatus
from pochtar.delivery.warmup import warmup_today

# A mixed slice does not rest for longer, whatever its next letter waits for: another
# server of the run may take it, and its provider's slices tell when it goes on.
LONGEST_REST = dt.timedelta(minutes=10)


class Crowd:
    """The providers of a slice's letters in the order in which they are taken."""

    def __init__(self, slice_: Slice, whose: dict[int, str] | None = None) -> None:
        self._slice = slice_
        self._whose = whose or {}
        self._order = list(self._whose.values())
        self._taken = 0

    def next(self, count: int) -> Sequence[str]:
        """Return the providers of the next letters."""
        known = self._order[self._taken : self._taken + count]
        return [*known, *[self._slice.provider] * (count - len(known))]

    def took(self, count: int) -> None:
        self._taken += count

    def provider_at(self, position: int) -> str:
        return self._whose.get(position, self._slice.provider)

    def rest(self, seconds: float) -> None:
        """Let a mixed slice, that is free again, wait for its next letter's provider.

        One of a single provider rests with all others of it (ways.put_off).
        """
        if not self._whose:
            return
        until = timezone.now() + min(LONGEST_REST, dt.timedelta(seconds=seconds))
        Slice.objects.filter(
            pk=self._slice.pk, status=SliceStatus.READY, due_at__lt=until
        ).update(due_at=until)


def crowd_of(slice_: Slice, relay: Relay) -> Crowd:
    """Look at the letters one by one if their providers are counted (PRV-04)."""
    now = timezone.now()
    if slice_.provider != OTHERS or warmup_today(relay, now=now) is None:
        return Crowd(slice_)
    members = members_of(slice_, after=slice_.cursor, up_to=slice_.last_position)
    rows = list(members.order_by("position").values_list("position", "email"))
    domains = {position: email.rpartition("@")[2].lower() for position, email in rows}
    routes = DomainRoute.objects.filter(domain__in=set(domains.values()))
    found = dict(routes.values_list("domain", "provider"))
    return Crowd(
        slice_,
        {
            position: provider_of_domain(domain) or found.get(domain, OTHERS)
            for position, domain in domains.items()
        },
    )
