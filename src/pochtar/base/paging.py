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
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import F, Model, Q, QuerySet

M = TypeVar("M", bound=Model)
SIZE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[M]):
    """Rows in display order, and the cursors of the neighbours ("" = none)."""

    rows: list[M]
    previous: str
    next: str

    @property
    def first(self) -> bool:
        return not self.previous


def keyset_page(
    queryset: QuerySet[M], *, order: str = "-pk", cursor: str = "", size: int = SIZE
) -> Page[M]:
    """Return the page of ``queryset`` behind (or, for a "previous" link, before) cursor.

    ``order`` is a column that is never null, "-" first for descending.  A cursor that
    does not parse shows the first page.
    """
    name, descending = order.removeprefix("-"), order.startswith("-")
    place = _read(cursor, queryset.model, name)
    backwards = bool(place and place["back"])
    rows_descend = descending != backwards
    if place:
        queryset = queryset.filter(_beyond(name, place, descending=rows_descend))
    ordering = [
        F(column).desc() if rows_descend else F(column).asc()
        for column in dict.fromkeys([name, "pk"])
    ]
    rows = list(queryset.order_by(*ordering)[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    before, after = (more, True) if backwards else (bool(place), more)
    return Page(
        rows=rows,
        previous=_write(rows[0], name, back=True) if rows and before else "",
        next=_write(rows[-1], name, back=False) if rows and after else "",
    )


def _beyond(name: str, place: dict[str, Any], *, descending: bool) -> Q:
    comparison = "lt" if descending else "gt"
    by_pk = Q(**{f"pk__{comparison}": place["pk"]})
    if name == "pk":
        return by_pk
    value = place["value"]
    # "≤ and (< or pk <)" rather than "< or (= and pk <)": the first half is an index
    # condition, so that PostgreSQL starts reading at the cursor.
    return Q(**{f"{name}__{comparison}e": value}) & (
        Q(**{f"{name}__{comparison}": value}) | by_pk
    )


def _write(row: Model, name: str, *, back: bool) -> str:
    value = getattr(row, name)
    if isinstance(value, dt.datetime):
        value = value.isoformat()
    elif isinstance(value, uuid.UUID):
        value = str(value)
    text = json.dumps([value, str(row.pk), int(back)], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str, model: type[Model], name: str) -> dict[str, Any] | None:
    if not cursor:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        value, pk, back = json.loads(raw)
        primary = model._meta.pk
        column = primary if name == "pk" else model._meta.get_field(name)
        return {
            "value": column.to_python(value),
            "pk": primary.to_python(pk),
            "back": bool(back),
        }
    except (ValueError, TypeError, ValidationError):  # binascii.Error is a ValueError
        return None
