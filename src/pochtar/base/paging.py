"""Keyset pages: as fast on the last page of a million rows as on the first.

A page is cut by the values of its last row, never by an offset, and nothing is
counted.  The order is one column and the primary key; the cursor is opaque and
unsigned: a made-up one can only show the reader's own rows from another place.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import F, Field, Model, Q, QuerySet
from django.db.models.functions import Coalesce

M = TypeVar("M")
N = TypeVar("N")
R = TypeVar("R", bound=Model)
SIZE = 50
LONGEST_CURSOR = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[M]):
    """Rows in display order, and the cursors of the neighbours ("" = none)."""

    rows: list[M]
    previous: str
    next: str

    @property
    def first(self) -> bool:
        return not self.previous

    def of(self, rows: list[N]) -> Page[N]:
        """Return the same page of other rows, each made from the one in its place."""
        return Page(rows=rows, previous=self.previous, next=self.next)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The row that a page begins behind (or, for ``back``, ends before)."""

    value: Any
    tie: Any
    back: bool


def keyset_page(
    queryset: QuerySet[R],
    *,
    order: str = "-pk",
    tie: str = "pk",
    cursor: str = "",
    size: int = SIZE,
    by_index: bool = True,
) -> Page[R]:
    """Return the page of ``queryset`` behind (or, for a "previous" link, before) cursor.

    ``order`` is a column that is never null, "-" first for descending; ``tie`` is one
    that differs where ``order`` does not, and follows its direction.  A cursor that does
    not parse, or behind which nothing is left, shows the first page.

    ``by_index=False`` has the database find all rows and sort them.  Left to itself it
    hopes to meet a page full soon when it goes along the index of the order, and may go
    through everything.
    """
    place = _read(cursor, queryset.model, order.lstrip("-"), tie)
    walk = _Walk(order, tie, place, by_index)
    rows = walk.rows(queryset, size)
    if walk.place and not rows:
        return keyset_page(queryset, order=order, tie=tie, size=size, by_index=by_index)
    return walk.page(rows, size)


def keyset_near(
    queryset: QuerySet[R],
    *,
    among: QuerySet[R],
    examined: int,
    order: str = "-pk",
    tie: str = "pk",
    cursor: str = "",
    size: int = SIZE,
) -> Page[R] | None:
    """Return the same page, or None if too few rows near the cursor belong to it.

    ``queryset`` is ``among`` narrowed by conditions without an index in this order: no
    more than ``examined`` rows are looked through for it.
    """
    walk = _Walk(order, tie, _read(cursor, queryset.model, order.lstrip("-"), tie))
    edge = walk.edge(among, examined)
    near = queryset.filter(_up_to(*walk.columns, edge, walk.descends)) if edge else None
    rows = walk.rows(queryset if near is None else near, size)
    if len(rows) <= size and (edge or (walk.place and not rows)):
        return None
    return walk.page(rows, size)


@dataclass(frozen=True, slots=True)
class _Walk:
    """A walk along an index from a place, forwards or backwards."""

    order: str
    tie: str
    place: _Place | None
    by_index: bool = True

    @property
    def columns(self) -> tuple[str, str]:
        return self.order.removeprefix("-"), self.tie

    @property
    def backwards(self) -> bool:
        return self.place is not None and self.place.back

    @property
    def descends(self) -> bool:
        return self.order.startswith("-") != self.backwards

    def onwards(self, queryset: QuerySet[R]) -> QuerySet[R]:
        name, tie = self.columns
        if self.place:
            beyond = _beyond(name, tie, self.place, descending=self.descends)
            queryset = queryset.filter(beyond)
        columns = [self._sorted_by(column) for column in dict.fromkeys([name, tie])]
        ordering = [c.desc() if self.descends else c.asc() for c in columns]
        return queryset.order_by(*ordering)

    def _sorted_by(self, column: str) -> F | Coalesce:
        # No index is of this expression.
        return F(column) if self.by_index else Coalesce(F(column), F(column))

    def edge(self, among: QuerySet[R], number: int) -> tuple[Any, Any] | None:
        keys = self.onwards(among).values_list(*self.columns)
        return keys[number : number + 1].first()

    def rows(self, queryset: QuerySet[R], size: int) -> list[R]:
        return list(self.onwards(queryset)[: size + 1])

    def page(self, rows: list[R], size: int) -> Page[R]:
        more = len(rows) > size
        rows = rows[:size]
        if self.backwards:
            rows.reverse()
        before, after = (more, True) if self.backwards else (bool(self.place), more)
        return _page(rows, before, after, key=lambda row: _key(row, *self.columns))


def keyset_slice(
    keys: Iterable[tuple[Any, Any]],
    model: type[Model],
    *,
    order: str = "-pk",
    cursor: str = "",
    size: int = SIZE,
) -> Page[Any]:
    """Return a page of primary keys, cut as `keyset_page` cuts, from rows in hand.

    ``keys`` are pairs of the order's value and the primary key.
    """
    name, descending = order.removeprefix("-"), order.startswith("-")
    ordered = sorted(keys, reverse=descending)
    place = _read(cursor, model, name, "pk")
    if place is None:
        page, before, after = ordered[:size], False, len(ordered) > size
    else:
        at = (place.value, place.tie)
        later = [key for key in ordered if (key < at) == descending and key != at]
        rest = [key for key in ordered if (key > at) == descending and key != at]
        if place.back:
            page, before, after = rest[-size:], len(rest) > size, True
        else:
            page, before, after = later[:size], True, len(later) > size
        if not page:
            return keyset_slice(ordered, model, order=order, size=size)
    cut = _page(page, before, after, key=lambda key: key)
    return cut.of([pk for _value, pk in page])


def _page(
    rows: list[N], before: bool, after: bool, *, key: Callable[[N], tuple[Any, Any]]
) -> Page[N]:
    return Page(
        rows=rows,
        previous=_write(key(rows[0]), back=True) if rows and before else "",
        next=_write(key(rows[-1]), back=False) if rows and after else "",
    )


def _beyond(name: str, tie: str, place: _Place, *, descending: bool) -> Q:
    comparison = "lt" if descending else "gt"
    by_tie = Q(**{f"{tie}__{comparison}": place.tie})
    if name == tie:
        return by_tie
    # "≤ and (< or tie <)" rather than "< or (= and tie <)": the first half is an index
    # condition, so that PostgreSQL starts reading at the cursor.
    return Q(**{f"{name}__{comparison}e": place.value}) & (
        Q(**{f"{name}__{comparison}": place.value}) | by_tie
    )


def _up_to(name: str, tie: str, edge: tuple[Any, Any], descending: bool) -> Q:
    """Return the condition of the rows before that one in the walk."""
    comparison = "gt" if descending else "lt"
    by_tie = Q(**{f"{tie}__{comparison}": edge[1]})
    if name == tie:
        return by_tie
    return Q(**{f"{name}__{comparison}e": edge[0]}) & (
        Q(**{f"{name}__{comparison}": edge[0]}) | by_tie
    )


def _key(row: Model, name: str, tie: str) -> tuple[Any, Any]:
    return getattr(row, name), getattr(row, tie)


def _write(key: tuple[Any, Any], *, back: bool) -> str:
    text = json.dumps([*map(_plain, key), int(back)], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def _read(cursor: str, model: type[Model], name: str, tie: str) -> _Place | None:
    if not cursor or len(cursor) > LONGEST_CURSOR:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        value, tied, back = json.loads(raw)
        return _Place(
            value=_parse(model, name, value),
            tie=_parse(model, tie, tied),
            back=bool(back),
        )
    except (ValueError, TypeError, ValidationError, OverflowError, RecursionError):
        return None  # binascii.Error and UnicodeError are ValueErrors


def _parse(model: type[Model], name: str, value: Any) -> Any:
    """Return the column's value; raise for what would break the query."""
    if not isinstance(value, (str, int)):
        raise ValidationError("no such value in a cursor")
    if isinstance(value, str) and "\x00" in value:
        raise ValidationError("PostgreSQL knows no NUL")
    str(value).encode()  # a lone surrogate raises
    column = model._meta.pk if name == "pk" else model._meta.get_field(name)
    assert isinstance(column, Field)
    parsed = column.to_python(value)
    if isinstance(parsed, dt.datetime) and parsed.tzinfo is None:
        raise ValidationError("a time without its zone")
    return parsed
