"""Segments: whom a saved rule finds."""

from __future__ import annotations

import datetime as dt

from django.db.models import QuerySet
from django.utils import timezone

from mailcore.segments import Rule, parse_rule
from pochtar.accounts.models import Workspace
from pochtar.base.paging import Page, keyset_near, keyset_page
from pochtar.recipients.models import Recipient, Segment
from pochtar.recipients.search import in_order
from pochtar.recipients.segment_query import condition_of

EXAMINED = 5_000  # recipients


def matching(
    workspace: Workspace, rule: Rule, *, now: dt.datetime
) -> QuerySet[Recipient]:
    """Return the workspace's recipients for whom the rule holds."""
    people: QuerySet[Recipient] = Recipient.objects.of(workspace)
    return people.filter(condition_of(rule, workspace=workspace, now=now))


def segment_page(segment: Segment, *, cursor: str = "") -> Page[Recipient]:
    """Return a page of those in the segment, the newest first.

    As `search` does: a walk along the newest soon has a page full of a wide segment; if
    it has not, the segment is small or lies further back, and is found whole.
    """
    everybody: QuerySet[Recipient] = Recipient.objects.of(segment.workspace)
    people = segment_recipients(segment)
    near = keyset_near(people, among=everybody, examined=EXAMINED, cursor=cursor)
    if near:
        return near
    # Their ids alone are sorted: those lie in the indexes.
    ids = keyset_page(people.only("pk"), cursor=cursor, by_index=False)
    return ids.of(in_order([row.pk for row in ids.rows]))


def segment_recipients(segment: Segment) -> QuerySet[Recipient]:
    """Return those who are in the segment now."""
    rule = parse_rule(segment.rule)
    return matching(segment.workspace, rule, now=timezone.now())
