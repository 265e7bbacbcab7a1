"""Which deliveries belong to a slice: the one definition (see ``Slice``)."""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, QuerySet

from pochtar.delivery.models import Attempt, Delivery, Slice


def members_of(slice_: Slice, *, after: int, up_to: int) -> QuerySet[Delivery]:
    """Return the slice's deliveries after a position and up to another.

    A slice that tries again has those whose last attempt ended as its ``source`` says:
    what it has tried itself has a later attempt, and is not in it any more.
    """
    deliveries = Delivery.objects.filter(
        run=slice_.run_id, position__gt=after, position__lte=up_to
    )
    if not slice_.source:
        return deliveries
    ended = {"outcome": slice_.source, "number__lt": slice_.attempt_number}
    if slice_.for_now_only:
        ended["permanent"] = False
    # A join to that attempt, for a database to begin at the few of such an outcome.
    candidates = deliveries.filter(
        attempts__run=slice_.run_id,
        **{f"attempts__{name}": value for name, value in ended.items()},
    ).alias(candidate=F("attempts__number"))
    later = Attempt.objects.filter(
        delivery=OuterRef("pk"), number__gt=OuterRef("candidate")
    )
    return candidates.filter(~Exists(later))


def untried_members(slice_: Slice, *, up_to: int) -> QuerySet[Delivery]:
    """Return those up to a position whom the slice has not tried."""
    members = members_of(slice_, after=slice_.first_position - 1, up_to=up_to)
    tried = Attempt.objects.filter(
        delivery=OuterRef("pk"), number=slice_.attempt_number
    )
    return members.filter(~Exists(tried))
