"""Whom a mailing leaves out of those it is meant for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from pochtar.accounts.models import Workspace
from pochtar.delivery.reached import reached, runs_since
from pochtar.mailings.models import Mailing
from pochtar.recipients.models import Recipient, Segment, Subscription
from pochtar.recipients.segments import segment_recipients


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceptions:
    """Members of the lists and segments, who got the mailings, or any of late."""

    lists: frozenset[UUID] = field(default_factory=frozenset)
    segments: tuple[Segment, ...] = ()
    mailings: frozenset[UUID] = field(default_factory=frozenset)
    days: int | None = None

    def __bool__(self) -> bool:
        return bool(self.lists or self.segments or self.mailings or self.days)


def exceptions_of(mailing: Mailing) -> Exceptions:
    return Exceptions(
        lists=frozenset(mailing.exclude_lists.values_list("pk", flat=True)),
        segments=tuple(mailing.exclude_segments.select_related("workspace")),
        mailings=frozenset(mailing.exclude_mailings.values_list("pk", flat=True)),
        days=mailing.exclude_days,
    )


def leave_out(
    recipients: QuerySet[Recipient],
    workspace: Workspace,
    exceptions: Exceptions,
    *,
    now: dt.datetime,
) -> QuerySet[Recipient]:
    """Return the recipients for whom no exception holds.

    Each is a NOT EXISTS of its own: to a database an anti-join, while a NOT IN of a
    million may be looked through once for everybody.
    """
    for condition in conditions(workspace, exceptions, now=now):
        recipients = recipients.filter(~condition)
    return recipients


def conditions(
    workspace: Workspace, exceptions: Exceptions, *, now: dt.datetime
) -> Iterator[Q]:
    """Yield for each kind the condition that it leaves a recipient out."""
    if exceptions.lists:
        yield in_lists(exceptions.lists)
    for segment in exceptions.segments:
        yield in_segment(segment)
    if exceptions.mailings:
        launched = Mailing.objects.of(workspace).filter(
            pk__in=exceptions.mailings, run__isnull=False
        )
        if runs := list(launched.values_list("run", flat=True)):
            yield from _ways(reached(runs))
    if exceptions.days:
        since = now - dt.timedelta(days=exceptions.days)
        if runs := runs_since(workspace.pk, since):
            yield from _ways(reached(runs, since=since))


def in_lists(lists: frozenset[UUID]) -> Q:
    members = Subscription.objects.filter(list__in=lists, recipient=OuterRef("pk"))
    return Q(Exists(members))


def in_segment(segment: Segment) -> Q:
    members = segment_recipients(segment).order_by().filter(pk=OuterRef("pk"))
    return Q(Exists(members))


def _ways(condition: Q) -> Iterator[Q]:
    """Take an OR apart: two anti-joins are cheap, the negation of both is not."""
    if condition.connector == Q.OR:
        yield from (Q(child) for child in condition.children)
    else:
        yield condition
