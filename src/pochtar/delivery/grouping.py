"""Recipients by provider, in SQL: the order of a run's positions, and where to cut.

A domain is looked up in a small table that is joined: the domains that everybody
knows, and those whose mail exchangers were asked for (DomainRoute).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import connection

from mailcore.providers import OTHERS, PROVIDERS
from pochtar.delivery.models import Delivery, DomainRoute, Run, Slice, SliceStatus

KEYS = (OTHERS, *PROVIDERS)  # a provider's place here is its number in SQL


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Positions of one provider; "" of several or of none that is known."""

    provider: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """SQL that adds a provider's number to rows with an address."""

    sql: str
    number: str
    parameters: list[str | int]


def domain_of(email: str) -> str:
    """Return the SQL of an address's domain in lower case."""
    return {
        "postgresql": f"LOWER(SPLIT_PART({email}, '@', 2))",
        "sqlite": f"LOWER(SUBSTR({email}, INSTR({email}, '@') + 1))",
    }[connection.vendor]


def provider_join(email: str) -> Join:
    """Return the join for a column that holds an address."""
    return _join(domain_of(email))


def _join(domain: str) -> Join:
    known = [
        (name, KEYS.index(key)) for key in KEYS[1:] for name in PROVIDERS[key].domains
    ]
    routes = [
        (name, KEYS.index(key))
        for name, key in DomainRoute.objects.exclude(provider=OTHERS)
        .filter(provider__in=PROVIDERS)
        .exclude(domain__in=[name for name, _number in known])
        .values_list("domain", "provider")
    ]
    pairs = [*known, *routes]
    values = ", ".join(["(%s, %s)"] * len(pairs))
    return Join(
        # "column1" is what both databases call it.
        sql=f"LEFT JOIN (VALUES {values}) AS route ON route.column1 = {domain}",
        number="COALESCE(route.column2, 0)",
        parameters=[value for pair in pairs for value in pair],
    )


def provider_groups(run: Run, *, canary: int = 0, sampled: int = 0) -> list[Group]:
    """Return where each provider's positions lie.

    The canary's come first and are mixed; so are those drawn beside it, if a sample
    was drawn that is larger.
    """
    after = max(canary, sampled)
    # What was drawn is mixed, the canary and the rest of it.
    mixed = [(OTHERS, canary), (OTHERS, after - canary)]
    return list(_in_a_row([*mixed, *_count_providers(run, after)]))


def _count_providers(run: Run, after: int) -> list[tuple[str, int]]:
    # By domain first: SQLite looks through the whole table of the join for each row.
    join = _join("found.domain")
    run_id = Run._meta.pk.get_db_prep_value(run.pk, connection)
    table = connection.ops.quote_name(Delivery._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {join.number}, SUM(found.people) FROM ("  # noqa: S608
            f"SELECT {domain_of('d.email')} AS domain, COUNT(*) AS people "
            f"FROM {table} AS d WHERE d.run_id = %s AND d.position > %s GROUP BY 1"
            f") AS found {join.sql} GROUP BY 1 ORDER BY 1",
            [run_id, after, *join.parameters],
        )
        return [(KEYS[int(number)], int(count)) for number, count in cursor.fetchall()]


def _in_a_row(counts: Iterable[tuple[str, int]]) -> Iterator[Group]:
    after = 0
    for provider, count in counts:
        if count:
            yield Group(provider=provider, first=after + 1, last=after + count)
        after += count


def slices_of(
    run: Run,
    group: Group,
    *,
    size: int,
    due_at: dt.datetime,
    status: SliceStatus = SliceStatus.READY,
) -> list[Slice]:
    """Cut a group into slices of ``size``."""
    return [
        Slice(
            run=run,
            provider=group.provider,
            first_position=first,
            last_position=min(first + size - 1, group.last),
            cursor=first - 1,
            due_at=due_at,
            status=status,
        )
        for first in range(group.first, group.last + 1, size)
    ]
