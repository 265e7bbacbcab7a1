"""Segments: whom a saved rule finds."""

from __future__ import annotations

import datetime as dt

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from mailcore.segment_fields import Kind
from mailcore.segments import Group, How, Leaf, Rule, parse_rule
from pochtar.accounts.models import Workspace
from pochtar.base.paging import Page, keyset_near, keyset_page
from pochtar.recipients.models import (
    Recipient,
    RecipientList,
    Segment,
    Subscription,
)
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
    rule = parse_rule(segment.rule)
    rules = rule.rules if isinstance(rule, Group) and rule.how is How.ALL else (rule,)
    for at, one in enumerate(rules):
        if list_ := _only_list(segment.workspace, one):
            others = rules[:at] + rules[at + 1 :]
            near = _near_in_list(segment, list_, others, cursor)
            break
    else:
        near = _near_in_all(segment, cursor)
    return near or _found_whole(segment, cursor)


def _near_in_list(
    segment: Segment, list_: RecipientList, others: tuple[Rule, ...], cursor: str
) -> Page[Recipient] | None:
    """Walk along the newest of the list that everybody of the segment must be in."""
    places = wanted = Subscription.objects.filter(list=list_)
    if others:
        rest = Group(how=How.ALL, rules=others)
        people = matching(segment.workspace, rest, now=timezone.now())
        wanted = places.filter(Exists(people.filter(pk=OuterRef("recipient_id"))))
    near = keyset_near(
        wanted,
        among=places,
        examined=EXAMINED,
        order="-recipient_id",
        tie="recipient_id",
        cursor=cursor,
    )
    return near.of(in_order([one.recipient_id for one in near.rows])) if near else None


def _only_list(workspace: Workspace, rule: Rule) -> RecipientList | None:
    """Return the one list in which the rule wants its people."""
    if isinstance(rule, Leaf) and rule.kind is Kind.LIST and rule.op == "in":
        lists = RecipientList.objects.of(workspace).filter(pk__in=rule.value)[:2]
        return lists[0] if len(lists) == 1 else None
    return None


def _near_in_all(segment: Segment, cursor: str) -> Page[Recipient] | None:
    everybody: QuerySet[Recipient] = Recipient.objects.of(segment.workspace)
    return keyset_near(
        segment_recipients(segment), among=everybody, examined=EXAMINED, cursor=cursor
    )


def _found_whole(segment: Segment, cursor: str) -> Page[Recipient]:
    # Their ids alone are sorted: those lie in the indexes.
    people = segment_recipients(segment).only("pk")
    ids = keyset_page(people, cursor=cursor, by_index=False)
    return ids.of(in_order([row.pk for row in ids.rows]))


def segment_recipients(segment: Segment) -> QuerySet[Recipient]:
    """Return those who are in the segment now."""
    rule = parse_rule(segment.rule)
    return matching(segment.workspace, rule, now=timezone.now())
