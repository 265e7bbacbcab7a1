"""Find recipients: by the beginning of words, by list, in an order, page by page.

A search is a conjunction of conditions: one for each word that was typed, one for the
list.  Each is a range of an index.  Three plans, all bounded whatever the workspace's
size, and none left to a planner that may guess wrong:

1. No condition: the page is a walk along the index of the order.
2. The first ``EXAMINED`` rows of the narrowest condition are looked through, and those
   for whom the others hold as well, at most ``SMALL``, are sorted here.  If there may
   be more, ``Found.complete`` says so.
3. One condition, and it holds for many: sorting would read them all, so the page is a
   walk along the condition's index, in that index's own order: words alphabetically, a
   list by the time of adding.  ``Found.sorted`` says that the wish was not met.

Nothing is counted beyond ``SMALL``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from pochtar.accounts.models import Workspace
from pochtar.base.paging import SIZE, Page, keyset_page, keyset_slice
from pochtar.recipients.models import Recipient, SearchWord, Subscription
from pochtar.recipients.words import terms_of

SMALL = 10_000
EXAMINED = 40_000
# What a reader may sort by, and the column that does it: a UUIDv7 ascends with time.
ORDERS = {"added": "pk", "name": "name_key", "address": "email_key"}
DEFAULT_ORDER = "-added"
LAST = "\U0010ffff"  # sorts behind whatever may follow a prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for: the beginnings of words, in a list or anywhere."""

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
    sorted: bool = True  # in the order that was asked for
    complete: bool = True  # everybody was looked through


@dataclass(frozen=True, slots=True, kw_only=True)
class _Condition:
    """Rows that have a recipient: those of a word's range, or of a list."""

    rows: QuerySet[Any]
    order: str  # column of its own index, before the recipient's
    size: int  # of ``rows``, at most SMALL + 1

    @property
    def by_list(self) -> bool:
        return self.order == "recipient_id"

    def holds(self, recipient: str) -> Exists:
        return Exists(self.rows.filter(recipient=OuterRef(recipient)))

    def first(
        self, others: Sequence[_Condition], *, descending: bool
    ) -> tuple[list[UUID], bool]:
        """Return the first SMALL recipients in the index's order for whom all hold.

        And whether these are all.  Several wide conditions may hold together for hardly
        anybody, so only EXAMINED rows are looked through.
        """
        signs = "-" if descending else ""
        order = (signs + self.order, f"{signs}recipient_id")
        rows, complete = self._nearest(order) if others else (self.rows, True)
        for condition in others:
            rows = rows.filter(condition.holds("recipient_id"))
        ordered = rows.order_by(*order).values_list("recipient_id", flat=True)
        ids = list(ordered[: SMALL + 1])
        return list(dict.fromkeys(ids[:SMALL])), complete and len(ids) <= SMALL

    def _nearest(self, order: tuple[str, str]) -> tuple[QuerySet[Any], bool]:
        """Return the first EXAMINED rows of the order, and whether these are all."""
        edges = self.rows.order_by(*order).values_list(self.order, "recipient_id")
        edge = edges[EXAMINED : EXAMINED + 1].first()
        if edge is None:
            return self.rows, True
        value, recipient = edge
        if not self.by_list:
            before = Q(word__lt=value) | Q(recipient_id__lt=recipient)
            return self.rows.filter(before, word__lte=value), False
        if order[0].startswith("-"):
            return self.rows.filter(recipient_id__gt=recipient), False
        return self.rows.filter(recipient_id__lt=recipient), False


def find_page(
    search: Search, *, order: str = DEFAULT_ORDER, cursor: str = "", size: int = SIZE
) -> Found:
    """Return a page of the recipients that the search finds, and how many there are."""
    conditions = _conditions(search)
    if search.unsubscribed:
        return _find_unsubscribed(
            search, conditions, order=order, cursor=cursor, size=size
        )
    if not conditions:
        everybody = Recipient.objects.of(search.workspace)
        page = keyset_page(
            everybody, order=order_column(order), cursor=cursor, size=size
        )
        return Found(page=page, total=count_up_to(everybody))
    narrowest, *others = conditions
    newest_first = narrowest.by_list and order.startswith("-")
    ids, complete = narrowest.first(others, descending=newest_first)
    if not complete and not others:
        total = Count(number=len(ids), more=True)
        page = _walk(narrowest, descending=newest_first, cursor=cursor, size=size)
        in_order = narrowest.by_list and order_column(order).removeprefix("-") == "pk"
        return Found(page=page, total=total, sorted=in_order)
    # Where nothing was taken out, the database need not be told thousands of ids.
    who = ids if others else narrowest.rows.values("recipient")
    keys = _keys(ids, who, order_column(order).removeprefix("-"))
    page = keyset_slice(
        keys, Recipient, order=order_column(order), cursor=cursor, size=size
    )
    total = Count(number=len(ids), more=not complete)
    return Found(page=page.of(_people(page.rows)), total=total, complete=complete)


def _find_unsubscribed(
    search: Search, conditions: list[_Condition], *, order: str, cursor: str, size: int
) -> Found:
    """Look through those who have left, the latest added first: they have an index."""
    left = Recipient.objects.of(search.workspace).filter(unsubscribed_at__isnull=False)
    edge = left.order_by("-pk").values_list("pk", flat=True)[EXAMINED : EXAMINED + 1]
    near = left.filter(pk__gt=edge[0]) if edge else left
    for condition in conditions:
        near = near.filter(condition.holds("pk"))
    ids = list(near.order_by("-pk").values_list("pk", flat=True)[: SMALL + 1])
    complete = not edge and len(ids) <= SMALL
    column = order_column(order)
    keys = _keys(ids[:SMALL], ids[:SMALL], column.removeprefix("-"))
    page = keyset_slice(keys, Recipient, order=column, cursor=cursor, size=size)
    total = Count(number=len(ids[:SMALL]), more=not complete)
    return Found(page=page.of(_people(page.rows)), total=total, complete=complete)


def find_recipients(search: Search) -> QuerySet[Recipient]:
    """Return everybody whom the search finds, for a change of them all."""
    return _recipients(search, _conditions(search))


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


def _conditions(search: Search) -> list[_Condition]:
    """Return the conditions, the narrowest first."""
    conditions = [_word_begins(search.workspace, term) for term in search.terms]
    if search.list_id:
        members = Subscription.objects.filter(
            list=search.list_id, list__workspace=search.workspace
        )
        conditions.append(_condition(members, order="recipient_id"))
    return sorted(conditions, key=lambda condition: condition.size)


def _word_begins(workspace: Workspace, term: str) -> _Condition:
    words = SearchWord.objects.filter(
        workspace=workspace, word__gte=term, word__lt=term + LAST
    )
    return _condition(words, order="word")


def _condition(rows: QuerySet[Any], *, order: str) -> _Condition:
    size = rows.order_by()[: SMALL + 1].count()
    return _Condition(rows=rows, order=order, size=size)


def _recipients(search: Search, conditions: list[_Condition]) -> QuerySet[Recipient]:
    if search.unsubscribed:
        left = _recipients(replace(search, unsubscribed=False), conditions)
        return left.filter(unsubscribed_at__isnull=False)
    if not conditions:
        return Recipient.objects.of(search.workspace)
    # The condition's rows are of the workspace already; naming it again would lure the
    # planner into a walk along an index of the order, past everybody who is not found.
    found = Recipient.objects.filter(pk__in=conditions[0].rows.values("recipient"))
    for condition in conditions[1:]:
        found = found.filter(condition.holds("pk"))
    return found


def _keys(ids: list[UUID], who: Any, column: str) -> Iterable[tuple[Any, UUID]]:
    """Return the values that sort, each with its recipient."""
    if column == "pk":
        return [(pk, pk) for pk in ids]
    return Recipient.objects.filter(pk__in=who).values_list(column, "pk")


def _walk(
    condition: _Condition, *, descending: bool, cursor: str, size: int
) -> Page[Recipient]:
    rows = condition.rows
    if not condition.by_list:
        # A recipient with two words in the range is shown at the first.
        earlier = rows.filter(
            recipient=OuterRef("recipient_id"), word__lt=OuterRef("word")
        )
        rows = rows.filter(~Exists(earlier))
    # Without a join: it would tempt the planner to walk along the recipients instead.
    page = keyset_page(
        rows,
        order=("-" if descending else "") + condition.order,
        tie="recipient_id",
        cursor=cursor,
        size=size,
    )
    return page.of(_people([row.recipient_id for row in page.rows]))


def _people(ids: list[UUID]) -> list[Recipient]:
    people = Recipient.objects.in_bulk(ids)  # somebody may have been deleted meanwhile
    return [people[pk] for pk in ids if pk in people]
