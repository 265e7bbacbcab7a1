"""Find recipients: by parts of address and name, by list, in an order, page by page.

Three plans, each cheap where it is taken, none left to a planner that may guess wrong:

1. No condition: the page is a walk along the index of the order.
2. A condition with an index of its own (the text, a list, those who have left) holds for
   at most ``SMALL``: these are fetched, the other conditions tried on them, and they are
   sorted here.
3. Every condition holds for many: then a walk along the index of the order soon has a
   page full.  Should it not, after ``EXAMINED`` rows, the database is left to find and
   sort them all.

Of everybody and of a list up to ``COUNTED`` are counted, of others up to ``SMALL``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from pochtar.accounts.models import Workspace
from pochtar.base.paging import SIZE, Page, keyset_near, keyset_page, keyset_slice
from pochtar.recipients.indexing import (
    can_be_looked_up,
    first_with,
    has_terms,
    texts_with,
    with_folded_key,
)
from pochtar.recipients.models import Recipient, RecipientList, Subscription
from pochtar.recipients.words import terms_of

SMALL = 2_000
EXAMINED = 20_000
# What a reader may sort by, and the column that does it: a UUIDv7 ascends with time.
ORDERS = {"added": "pk", "name": "name_key", "address": "email_key"}
DEFAULT_ORDER = "-added"
LAST = "\U0010ffff"  # sorts behind whatever may follow a prefix
COUNTED = 10_000  # up to which everybody, or a list, is counted: an index does it
FEW = 200  # up to which several wide conditions together are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for: parts of address and name, in a list or anywhere."""

    workspace: Workspace
    text: str = ""
    list_id: UUID | None = None
    unsubscribed: bool = False  # only those who have left

    @property
    def terms(self) -> list[str]:
        return terms_of(self.text)

    @property
    def everything(self) -> bool:
        """Say whether nothing narrows the search (typed commas narrow nothing)."""
        return not self.list_id and not self.terms and not self.unsubscribed


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A number of rows, or only that there are more than ``number``."""

    number: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    page: Page[Recipient]
    total: Count


def find_page(
    search: Search, *, order: str = DEFAULT_ORDER, cursor: str = "", size: int = SIZE
) -> Found:
    """Return a page of the recipients that the search finds, and how many there are."""
    column = order_column(order)
    everybody = Recipient.objects.of(search.workspace)
    if search.everything:
        page = keyset_page(everybody, order=column, cursor=cursor, size=size)
        return Found(page=page, total=count_up_to(everybody, COUNTED))
    for ids in _first_of_each(search):
        if len(ids) <= SMALL:
            return _sorted(search, ids, order=column, cursor=cursor, size=size)
    return _walked(search, order=column, cursor=cursor, size=size)


def find_recipients(search: Search) -> QuerySet[Recipient]:
    """Return everybody whom the search finds, for a change of them all."""
    found = Recipient.objects.of(search.workspace)
    if search.terms:
        texts = texts_with(search.workspace, search.terms)
        found = found.filter(pk__in=texts.values("recipient"))
    return _others(search, found, text=False)


def order_column(order: str) -> str:
    """Return the column of a reader's wish; a strange one gives the default."""
    name = order.removeprefix("-")
    if name not in ORDERS:
        return order_column(DEFAULT_ORDER)
    return ("-" if order.startswith("-") else "") + ORDERS[name]


def count_up_to(rows: QuerySet[Any], most: int = SMALL) -> Count:
    """Count exactly while it is cheap."""
    number = rows.order_by()[: most + 1].count()
    return Count(number=min(number, most), more=number > most)


def _first_of_each(search: Search) -> Iterator[list[UUID]]:
    """Yield the first SMALL + 1 whom each condition alone finds by its index."""
    most = SMALL + 1
    if can_be_looked_up(search.terms):
        yield first_with(search.workspace, search.terms, most)
    if search.list_id:
        members = _members(search).values_list("recipient_id", flat=True)
        yield list(members[:most])
    if search.unsubscribed:
        left = Recipient.objects.of(search.workspace).filter(
            unsubscribed_at__isnull=False
        )
        # In the order of their index: without one SQLite reads all recipients.
        yield list(left.order_by("pk").values_list("pk", flat=True)[:most])


def _members(search: Search) -> QuerySet[Subscription]:
    # Asked apart: joined to each place in the list it would be asked for each.
    mine = RecipientList.objects.of(search.workspace).filter(pk=search.list_id)
    members = Subscription.objects.filter(list=search.list_id)
    return members if mine.exists() else members.none()


def _others(
    search: Search, recipients: QuerySet[Recipient], *, text: bool = True
) -> QuerySet[Recipient]:
    """Narrow recipients by the conditions, each tried on their own rows."""
    if text and search.terms:
        recipients = with_folded_key(recipients).filter(has_terms(search.terms))
    if search.list_id:
        mine = _members(search).filter(recipient=OuterRef("pk"))
        recipients = recipients.filter(Exists(mine))
    if search.unsubscribed:
        recipients = recipients.filter(unsubscribed_at__isnull=False)
    return recipients


def _sorted(
    search: Search, ids: list[UUID], *, order: str, cursor: str, size: int
) -> Found:
    column = order.removeprefix("-")
    rows = _others(search, Recipient.objects.filter(pk__in=ids))
    keys = list(rows.values_list(column, "pk"))
    page = keyset_slice(keys, Recipient, order=order, cursor=cursor, size=size)
    return Found(
        page=page.of(in_order(page.rows)), total=Count(number=len(keys), more=False)
    )


def _walked(search: Search, *, order: str, cursor: str, size: int) -> Found:
    """Walk along the index of the order; of a list, along its own."""
    if search.list_id and order.removeprefix("-") == "pk":
        return _walked_list(search, order=order, cursor=cursor, size=size)
    everybody = Recipient.objects.of(search.workspace)
    wanted = _others(search, everybody)
    page = keyset_near(
        wanted,
        among=everybody,
        examined=EXAMINED,
        order=order,
        cursor=cursor,
        size=size,
    )
    if page is None:
        # What they are sorted by alone is fetched of them all: an index has it.
        every = find_recipients(search).only("pk", order.removeprefix("-"))
        keys = keyset_page(every, order=order, cursor=cursor, size=size, by_index=False)
        page = keys.of(in_order([row.pk for row in keys.rows]))
    return Found(page=page, total=_total(search, page, wanted))


def _walked_list(search: Search, *, order: str, cursor: str, size: int) -> Found:
    members, wanted = _members(search), _members(search)
    order = order.replace("pk", "recipient_id")
    if search.terms or search.unsubscribed:
        theirs = Recipient.objects.filter(pk=OuterRef("recipient_id"))
        alone = Search(
            workspace=search.workspace,
            text=search.text,
            unsubscribed=search.unsubscribed,
        )
        wanted = wanted.filter(Exists(_others(alone, theirs)))
    page = keyset_near(
        wanted,
        among=members,
        examined=EXAMINED,
        order=order,
        tie="recipient_id",
        cursor=cursor,
        size=size,
    )
    if page is None:
        every = Subscription.objects.filter(
            list=search.list_id, recipient__in=find_recipients(search).values("pk")
        )
        page = keyset_page(
            every,
            order=order,
            tie="recipient_id",
            cursor=cursor,
            size=size,
            by_index=False,
        )
    found = page.of(in_order([row.recipient_id for row in page.rows]))
    return Found(page=found, total=_total(search, found, wanted))


def _total(search: Search, page: Page[Recipient], wanted: QuerySet[Any]) -> Count:
    """Return how many there are: one wide condition is known to be wide."""
    if page.first and not page.next:
        return Count(number=len(page.rows), more=False)
    conditions = [bool(search.terms), bool(search.list_id), search.unsubscribed]
    indexed = can_be_looked_up(search.terms) or not search.terms
    if sum(conditions) == 1 and search.list_id:
        return count_up_to(_members(search), COUNTED)
    if sum(conditions) == 1 and indexed:
        return Count(number=SMALL, more=True)
    return count_up_to(wanted, FEW)


def in_order(ids: list[UUID]) -> list[Recipient]:
    """Return these recipients, in the order of their ids."""
    people = Recipient.objects.in_bulk(ids)  # somebody may have been deleted meanwhile
    return [people[pk] for pk in ids if pk in people]
