"""Find recipients: by parts of address and name, by list, in an order, page by page.

Three plans, each cheap where it is taken, none left to a planner that may guess wrong:

1. No condition: the page is a walk along the index of the order.
2. A condition with an index of its own (the text, a list, who gets no mail) holds for
   at most ``SMALL``: these are fetched, the other conditions tried on them, and they are
   sorted here.
3. Every condition holds for many: then a walk along the index of the order soon has a
   page full.  Should it not, after some thousand rows (`_worth_examining`), the database is
   left to find and sort them all.

Of everybody and of a list up to ``COUNTED`` are counted, of others up to ``SMALL``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
from pochtar.recipients.models import (
    Recipient,
    RecipientList,
    SearchText,
    Subscription,
)
from pochtar.recipients.statuses import STATUSES
from pochtar.recipients.words import terms_of

SMALL = 2_000
# Several parts cost their lookup however few are fetched, and a walk by name may be
# for nothing: so many are sorted here.
SMALL_OF_SEVERAL = 12_000
EXAMINED = 5_000  # by a walk
# What a reader may sort by, and the column that does it: a UUIDv7 ascends with time.
ORDERS = {"added": "pk", "name": "name_key", "address": "email_key"}
DEFAULT_ORDER = "-added"
LAST = "\U0010ffff"  # sorts behind whatever may follow a prefix
COUNTED = 10_000  # up to which everybody, or a list, is counted: an index does it
FEW = 200  # up to which several wide conditions together are counted

Key = tuple[Any, UUID]  # the value of the order's column, the recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for: parts of address and name, in a list or anywhere."""

    workspace: Workspace
    text: str = ""
    list_id: UUID | None = None
    status: str = ""  # only those of one of LOOKED_FOR

    @property
    def terms(self) -> list[str]:
        return terms_of(self.text)

    @property
    def everything(self) -> bool:
        """Say whether nothing narrows the search (typed commas narrow nothing)."""
        return not self.list_id and not self.terms and not self.status


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A number of rows, or only that there are more than ``number``."""

    number: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    page: Page[Recipient]
    total: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class _Where:
    """Which page is wished for."""

    order: str  # of Recipient's columns
    cursor: str
    size: int

    @property
    def column(self) -> str:
        return self.order.removeprefix("-")

    @property
    def column_of_text(self) -> str:
        return "recipient_id" if self.column == "pk" else self.column

    @property
    def options(self) -> dict[str, Any]:
        return {"cursor": self.cursor, "size": self.size}


def find_page(
    search: Search, *, order: str = DEFAULT_ORDER, cursor: str = "", size: int = SIZE
) -> Found:
    """Return a page of the recipients that the search finds, and how many there are."""
    column = order_column(order)
    everybody = Recipient.objects.of(search.workspace)
    if search.everything:
        page = keyset_page(everybody, order=column, cursor=cursor, size=size)
        return Found(page=page, total=count_up_to(everybody, COUNTED))
    where = _Where(order=column, cursor=cursor, size=size)
    if can_be_looked_up(search.terms):
        alone = not search.list_id and not search.status
        several = len(search.terms) > 1 and where.column != "pk"
        most = SMALL_OF_SEVERAL if alone and several else SMALL
        keys = first_with(
            search.workspace, search.terms, most + 1, key=where.column_of_text
        )
        if len(keys) <= most:
            if not alone:
                keys = _keys(search, [pk for _value, pk in keys], where)
            return _sorted(keys, where)
    for ids in _first_of_others(search):
        if len(ids) <= SMALL:
            return _sorted(_keys(search, ids, where), where)
    return _walked(search, where)


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


def _first_of_others(search: Search) -> Iterator[list[UUID]]:
    """Yield the first SMALL + 1 whom each other condition alone finds by its index."""
    most = SMALL + 1
    if search.list_id:
        members = _members(search).values_list("recipient_id", flat=True)
        yield list(members[:most])
    if search.status:
        some = Recipient.objects.of(search.workspace).filter(STATUSES[search.status])
        # In the order of their index: without one SQLite reads all recipients.
        yield list(some.order_by("pk").values_list("pk", flat=True)[:most])


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
    if search.status:
        recipients = recipients.filter(STATUSES[search.status])
    return recipients


def _sorted(keys: list[Key], where: _Where) -> Found:
    page = keyset_slice(keys, Recipient, order=where.order, **where.options)
    return Found(
        page=page.of(in_order(page.rows)), total=Count(number=len(keys), more=False)
    )


def _keys(search: Search, ids: list[UUID], where: _Where) -> list[Key]:
    """Try the conditions on those whom one has found; return what sorts them."""
    rows = _others(search, Recipient.objects.filter(pk__in=ids))
    return list(rows.values_list(where.column, "pk"))


def _walked(search: Search, where: _Where) -> Found:
    """Walk along the index of the order; of a list or a status, along its own."""
    if search.list_id and where.column == "pk":
        return _walked_list(search, where)
    everybody = Recipient.objects.of(search.workspace)
    wanted = _others(search, everybody)
    if search.status and where.column == "pk":
        everybody = everybody.filter(STATUSES[search.status])
    page = keyset_near(
        wanted,
        among=everybody,
        examined=_worth_examining(search, where),
        order=where.order,
        **where.options,
    )
    if page is None:
        page = _found_and_sorted(search, where)
    return Found(page=page, total=_total(search, page, wanted))


def _worth_examining(search: Search, where: _Where) -> int:
    """Return how many rows may be walked through in the hope of a page full."""
    if search.terms and not can_be_looked_up(search.terms):
        return EXAMINED * 4  # the rest would be read and sorted without an index
    if search.terms and where.column != "pk":
        return EXAMINED // 2 or 1  # a part of a name may well stand far from here
    return EXAMINED


def _found_and_sorted(search: Search, where: _Where) -> Page[Recipient]:
    """Have the database find them all and sort them.

    What they are sorted by alone is fetched of them all: an index has it, or the row
    that they are found by.
    """
    if search.terms:
        found = keyset_page(
            _texts(search).only("recipient_id", where.column_of_text),
            order=where.order.replace("pk", "recipient_id"),
            tie="recipient_id",
            by_index=where.column != "pk",  # the texts' own keys have none
            **where.options,
        )
        return found.of(in_order([row.recipient_id for row in found.rows]))
    every = find_recipients(search).only("pk", where.column)
    keys = keyset_page(every, order=where.order, by_index=False, **where.options)
    return keys.of(in_order([row.pk for row in keys.rows]))


def _texts(search: Search) -> QuerySet[SearchText]:
    """Return the texts of those whom a search for parts finds."""
    texts = texts_with(search.workspace, search.terms)
    if search.list_id:
        mine = _members(search).filter(recipient=OuterRef("recipient"))
        texts = texts.filter(Exists(mine))
    if search.status:
        theirs = Recipient.objects.filter(pk=OuterRef("recipient"))
        texts = texts.filter(Exists(theirs.filter(STATUSES[search.status])))
    return texts


def _walked_list(search: Search, where: _Where) -> Found:
    members, wanted = _members(search), _members(search)
    order = where.order.replace("pk", "recipient_id")
    if search.terms or search.status:
        theirs = Recipient.objects.filter(pk=OuterRef("recipient_id"))
        elsewhere = replace(search, list_id=None)  # the list is walked along already
        wanted = wanted.filter(Exists(_others(elsewhere, theirs)))
    page = keyset_near(
        wanted,
        among=members,
        examined=EXAMINED,
        order=order,
        tie="recipient_id",
        **where.options,
    )
    if page is None:
        every = Subscription.objects.filter(
            list=search.list_id, recipient__in=find_recipients(search).values("pk")
        )
        page = keyset_page(
            every,
            order=order,
            tie="recipient_id",
            by_index=False,
            **where.options,
        )
    found = page.of(in_order([row.recipient_id for row in page.rows]))
    return Found(page=found, total=_total(search, found, wanted))


def _total(search: Search, page: Page[Recipient], wanted: QuerySet[Any]) -> Count:
    """Return how many there are: one wide condition is known to be wide."""
    if page.first and not page.next:
        return Count(number=len(page.rows), more=False)
    conditions = [bool(search.terms), bool(search.list_id), bool(search.status)]
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
