"""Who a mailing goes to: a queryset, so that freezing it is one INSERT … SELECT."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, Trim

from pochtar.accounts.models import Workspace
from pochtar.delivery.models import Delivery
from pochtar.mailings.models import AudienceKind, Mailing
from pochtar.recipients.models import Recipient, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An audience as a person chose it, saved or not."""

    kind: str = AudienceKind.EVERYBODY
    lists: frozenset[UUID] = field(default_factory=frozenset)
    picked: frozenset[UUID] = field(default_factory=frozenset)
    follows: Mailing | None = None


def choose(
    kind: str,
    *,
    lists: Iterable[UUID] = (),
    picked: Iterable[UUID] = (),
    follows: Mailing | None = None,
) -> Choice:
    """Return the choice with only what its kind uses."""
    return Choice(
        kind=kind,
        lists=frozenset(lists if kind == AudienceKind.LISTS else ()),
        picked=frozenset(picked if kind == AudienceKind.PICKED else ()),
        follows=follows,
    )


def select_audience(workspace: Workspace, choice: Choice) -> QuerySet[Recipient]:
    """Return everybody the choice means, each once, and only of this workspace.

    Whoever has unsubscribed is left out, here and in `audience_of` (MSG-25).
    """
    subscribed = Recipient.objects.of(workspace).filter(unsubscribed_at=None)
    everybody = _not_written_to(subscribed, choice.follows)
    if choice.kind == AudienceKind.LISTS:
        members = Subscription.objects.filter(list__in=choice.lists)
        return everybody.filter(pk__in=members.values("recipient"))
    if choice.kind == AudienceKind.PICKED:
        return everybody.filter(pk__in=choice.picked)
    return everybody


def audience_of(mailing: Mailing) -> QuerySet[Recipient]:
    """Return the recipients that a launch now would freeze."""
    return chosen_by(mailing).filter(unsubscribed_at=None)


def unsubscribed_of(mailing: Mailing) -> QuerySet[Recipient]:
    """Return those who were chosen, and get nothing because they unsubscribed."""
    return chosen_by(mailing).filter(unsubscribed_at__isnull=False)


def chosen_by(mailing: Mailing) -> QuerySet[Recipient]:
    """Return whom the mailing means, whether they want it or not.

    Reads the chosen lists and people inside the database: ten thousand picked people
    do not travel as parameters.
    """
    everybody = _not_written_to(
        Recipient.objects.of(mailing.workspace), mailing.follows
    )
    if mailing.audience == AudienceKind.LISTS:
        chosen = Mailing.lists.through.objects.filter(mailing=mailing)
        members = Subscription.objects.filter(list__in=chosen.values("recipientlist"))
        return everybody.filter(pk__in=members.values("recipient"))
    if mailing.audience == AudienceKind.PICKED:
        people = Mailing.picked.through.objects.filter(mailing=mailing)
        return everybody.filter(pk__in=people.values("recipient"))
    return everybody


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
