"""Segments: whom a saved rule finds."""

from __future__ import annotations

import datetime as dt

from django.db.models import QuerySet
from django.utils import timezone

from mailcore.segments import Rule, parse_rule
from pochtar.accounts.models import Workspace
from pochtar.recipients.models import Recipient, Segment
from pochtar.recipients.segment_query import condition_of


def matching(
    workspace: Workspace, rule: Rule, *, now: dt.datetime
) -> QuerySet[Recipient]:
    """Return the workspace's recipients for whom the rule holds."""
    people: QuerySet[Recipient] = Recipient.objects.of(workspace)
    return people.filter(condition_of(rule, workspace=workspace, now=now))


def segment_recipients(segment: Segment) -> QuerySet[Recipient]:
    """Return those who are in the segment now."""
    rule = parse_rule(segment.rule)
    return matching(segment.workspace, rule, now=timezone.now())
