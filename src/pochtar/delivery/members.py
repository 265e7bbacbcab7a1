"""Which deliveries belong to a slice: the one definition (see ``Slice``)."""

from __future__ import annotations

from functools import cache
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet

from pochtar.delivery.models import Attempt, Delivery, Slice
from pochtar.delivery.tables import Statement, database_value


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


def members_statement(slice_: Slice, *, after: int, up_to: int) -> Statement:
    """Return the same as SQL: ids, positions, recipients and addresses, in no order."""
    if slice_.source:
        return _statement_of(members_of(slice_, after=after, up_to=up_to))
    sql, order = _first_members()
    values = {
        "run": database_value(Delivery, "run", slice_.run_id),
        "after": after,
        "up_to": up_to,
    }
    return Statement(sql, [values[name] for name in order])


@cache
def _first_members() -> tuple[str, list[str]]:
    """Return what all first slices have in common, and the order of its parameters.

    To compile it costs as much as to read some hundred rows.
    """
    probe = members_of(Slice(run_id=UUID(int=0)), after=1, up_to=2)
    sql, parameters = _statement_of(probe)
    names = {1: "after", 2: "up_to"}
    return sql, [names.get(parameter, "run") for parameter in parameters]


def _statement_of(members: QuerySet[Delivery]) -> Statement:
    columns = members.values_list("pk", "position", "recipient_id", "email")
    return Statement(*columns.query.sql_with_params())


def untried_members(slice_: Slice, *, up_to: int) -> QuerySet[Delivery]:
    """Return those up to a position whom the slice has not tried."""
    members = members_of(slice_, after=slice_.first_position - 1, up_to=up_to)
    tried = Attempt.objects.filter(
        delivery=OuterRef("pk"), number=slice_.attempt_number
    )
    return members.filter(~Exists(tried))
