"""Who a mailing goes to: a queryset, so that freezing it is one INSERT … SELECT.

    chosen    everybody, or the lists and segments together, or picked people; each once
    - follows    whom the mailing before it, or one that follows it, has in its run
    - exceptions (exceptions.py)
    - those who have unsubscribed (MSG-25) or are on the stop list (BNC-07)

Whoever is unconfirmed stays: they are skipped when their turn comes, and the ledger
says why (LAW-02).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, Trim
from django.utils import timezone

from pochtar.accounts.models import Workspace
from pochtar.delivery.models import Delivery
from pochtar.mailings.exceptions import Exceptions, exceptions_of, leave_out
from pochtar.mailings.models import AudienceKind, Mailing
from pochtar.recipients.models import Recipient, Segment, Subscription
from pochtar.recipients.segments import segment_recipients

STAYED, LEFT = Q(unsubscribed_at=None), Q(unsubscribed_at__isnull=False)
WRITABLE = STAYED & Q(suppressed=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An audience as a person chose it, saved or not.

    ``picked`` is ids, or a query for them: ten thousand picked people do not travel as
    parameters.
    """

    kind: str = AudienceKind.EVERYBODY
    lists: frozenset[UUID] = field(default_factory=frozenset)
    segments: tuple[Segment, ...] = ()
    picked: frozenset[UUID] | QuerySet[Any] = field(default_factory=frozenset)
    follows: Mailing | None = None
    exceptions: Exceptions = field(default_factory=Exceptions)


def choose(
    kind: str,
    *,
    lists: Iterable[UUID] = (),
    segments: Iterable[Segment] = (),
    picked: Iterable[UUID] = (),
    follows: Mailing | None = None,
    exceptions: Exceptions | None = None,
) -> Choice:
    """Return the choice with only what its kind uses."""
    groups = kind == AudienceKind.LISTS
    return Choice(
        kind=kind,
        lists=frozenset(lists if groups else ()),
        segments=tuple(segments if groups else ()),
        picked=frozenset(picked if kind == AudienceKind.PICKED else ()),
        follows=follows,
        exceptions=exceptions or Exceptions(),
    )


def choice_of(mailing: Mailing) -> Choice:
    """Return the choice that is saved with the mailing."""
    groups = mailing.audience == AudienceKind.LISTS
    people = Mailing.picked.through.objects.filter(mailing=mailing)
    return Choice(
        kind=mailing.audience,
        lists=frozenset(mailing.lists.values_list("pk", flat=True) if groups else ()),
        segments=tuple(mailing.segments.select_related("workspace") if groups else ()),
        picked=people.values("recipient"),
        follows=mailing.follows,
        exceptions=exceptions_of(mailing),
    )


def select_audience(
    workspace: Workspace, choice: Choice, *, now: dt.datetime | None = None
) -> QuerySet[Recipient]:
    """Return whom a launch would freeze, each once, and only of this workspace."""
    return meant(workspace, choice, now=now).filter(WRITABLE)


def audience_of(
    mailing: Mailing, *, now: dt.datetime | None = None
) -> QuerySet[Recipient]:
    """Return the recipients that a launch now would freeze."""
    return select_audience(mailing.workspace, choice_of(mailing), now=now)


def meant(
    workspace: Workspace, choice: Choice, *, now: dt.datetime | None = None
) -> QuerySet[Recipient]:
    """Return whom the choice means after its exceptions, able to get mail or not."""
    return leave_out(
        chosen(workspace, choice),
        workspace,
        choice.exceptions,
        now=now or timezone.now(),
    )


def chosen(workspace: Workspace, choice: Choice) -> QuerySet[Recipient]:
    """Return whom the choice names, before its exceptions."""
    everybody = _not_written_to(Recipient.objects.of(workspace), choice.follows)
    if choice.kind == AudienceKind.LISTS:
        return everybody.filter(pk__in=_members(choice))
    if choice.kind == AudienceKind.PICKED:
        return everybody.filter(pk__in=choice.picked)
    return everybody


def _members(choice: Choice) -> QuerySet[Any, Any]:
    """Return the ids of all who are in one of the lists or segments.

    A UNION: of several INs joined by OR, PostgreSQL may look through each for everybody.
    """
    members = Subscription.objects.filter(list__in=choice.lists)
    parts: list[QuerySet[Any, Any]] = []
    if choice.lists:
        parts.append(members.values_list("recipient_id"))
    parts += [
        segment_recipients(segment).order_by().values_list("pk")
        for segment in choice.segments
    ]
    if not parts:
        return members.none().values_list("recipient_id")
    first, *others = parts
    return first.union(*others) if others else first


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How many of an audience get the letter, and how many others do not, and why.

    Everybody is counted once, at the first reason in this order.
    """

    goes: int
    excluded: int
    unsubscribed: int
    suppressed: int
    unconfirmed: int

    @property
    def left_out(self) -> bool:
        return bool(
            self.excluded or self.unsubscribed or self.suppressed or self.unconfirmed
        )


def reach_of(
    workspace: Workspace, choice: Choice, *, now: dt.datetime | None = None
) -> Reach:
    """Count the audience: one query, two if there are exceptions."""
    rows = meant(workspace, choice, now=now).order_by()
    # An alias may not be a column's name.
    counts = rows.aggregate(
        n_all=Count("pk"),
        n_goes=Count("pk", filter=WRITABLE & ~Q(basis="")),
        n_unsubscribed=Count("pk", filter=LEFT),
        n_suppressed=Count("pk", filter=STAYED & Q(suppressed=True)),
        n_unconfirmed=Count("pk", filter=WRITABLE & Q(basis="")),
    )
    remain, excluded = counts.pop("n_all"), 0
    if choice.exceptions:
        excluded = max(chosen(workspace, choice).count() - remain, 0)
    found = {name.removeprefix("n_"): number for name, number in counts.items()}
    return Reach(excluded=excluded, **found)


def _not_written_to(
    recipients: QuerySet[Recipient], follows: Mailing | None
) -> QuerySet[Recipient]:
    """Leave out whom the mailing, or one that follows it, has in its run."""
    if follows is None:
        return recipients
    runs = [row.run_id for row in Mailing.objects.family_of(follows) if row.run_id]
    theirs = Delivery.objects.filter(recipient=OuterRef("pk"), run__in=runs)
    return recipients.filter(~Exists(theirs))


def lacking(
    audience: QuerySet[Recipient], names: Collection[str]
) -> QuerySet[Recipient]:
    """Return those who have no value for at least one of the merge fields."""
    fields = _values(names)
    blank = Q(pk__in=[])
    for alias in fields:
        blank |= Q(**{alias: ""})
    return audience.alias(**fields).filter(blank)


def complete(
    audience: QuerySet[Recipient], names: Collection[str]
) -> QuerySet[Recipient]:
    """Return those who have a value for every one of the merge fields."""
    fields = _values(names)
    full = audience.alias(**fields)
    for alias in fields:
        full = full.exclude(**{alias: ""})
    return full


def _values(names: Collection[str]) -> dict[str, Trim]:
    """Return an expression for each merge field that may be empty."""
    return {
        f"value_{number}": Trim(
            Coalesce(_value(name), Value(""), output_field=TextField())
        )
        for number, name in enumerate(sorted(names))
        if name != "email"
    }


def _value(name: str) -> KeyTextTransform | str:
    """Return the expression of a merge field: a column, or a key of the attributes."""
    return name if name == "full_name" else KeyTextTransform(name, "attributes")
