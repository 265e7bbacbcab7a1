"""What happened to one recipient, from every table that knows something, newest first.

Each source is a query that can be cut by a time, and a function that tells its rows in
words; a page is the newest of what all of them have behind the cursor.  A source's
index finds the recipient's own rows, so a page costs the same whatever the workspace's
size.  A new kind of event is one more line in ``SOURCES`` (timeline_sources.py).
"""

from __future__ import annotations

import base64
import datetime as dt
import heapq
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import F, Model, Q, QuerySet
from django.utils.dateparse import parse_datetime

from pochtar.delivery.reply_words import Explained
from pochtar.recipients.merging import Selves, earlier_selves
from pochtar.recipients.models import Recipient
from pochtar.reports.steps import Fact, Mark

SIZE = 20
LONGEST_CURSOR = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The page of what an event is about: the name of its address, key and title."""

    page: str
    pk: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened; ``sign`` says of what kind it is, for an icon."""

    key: str
    text: str
    sign: str = "info"
    mark: Mark = Mark.INFO
    at: dt.datetime | None = None
    by: str = ""  # who did it
    detail: str = ""
    link: Link | None = None
    reply: str = ""
    meaning: Explained | None = None
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom it is about, and who was merged into them."""

    recipient: Recipient
    selves: Selves


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """``at`` is the column, or the path to it, that holds the moment of a row."""

    rows: Callable[[Subject], QuerySet[Any]]
    at: str
    tell: Callable[[Any], Event]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class _Place:
    """Where an event stands: no two stand at the same place."""

    at: dt.datetime
    rank: int  # of its source: earlier ones stand above later ones of the same moment
    pk: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    events: list[Event]
    next: str  # cursor of what is older, "" for nothing
    first: bool


def read_timeline(
    recipient: Recipient,
    sources: Sequence[Source],
    *,
    cursor: str = "",
    size: int = SIZE,
) -> Timeline:
    """Return the events behind the cursor; a made-up cursor gives the newest."""
    who = Subject(recipient=recipient, selves=earlier_selves(recipient))
    place = _read(cursor)
    try:
        found = _merge(who, sources, place, size + 1)
    except ValidationError:  # a made-up key, of a kind that the source does not have
        place = None
        found = _merge(who, sources, place, size + 1)
    page = found[:size]
    more = len(found) > size
    return Timeline(
        events=[event for _place, event in page],
        next=_write(page[-1][0]) if more else "",
        first=place is None,
    )


def _merge(
    who: Subject, sources: Sequence[Source], place: _Place | None, limit: int
) -> list[tuple[_Place, Event]]:
    streams = [
        _stream(source, who, len(sources) - number, place, limit)
        for number, source in enumerate(sources)
    ]
    merged = heapq.merge(*streams, key=lambda pair: pair[0], reverse=True)
    return list(itertools.islice(merged, limit))


def _stream(
    source: Source, who: Subject, rank: int, after: _Place | None, limit: int
) -> Iterator[tuple[_Place, Event]]:
    rows = source.rows(who).annotate(happened=F(source.at))
    if after:
        rows = _older(rows, rank, after)
    for row in rows.order_by("-happened", "-pk")[:limit]:
        place = _Place(at=row.happened, rank=rank, pk=_text(row))
        yield place, replace(source.tell(row), at=row.happened)


def _older(rows: QuerySet[Any], rank: int, after: _Place) -> QuerySet[Any]:
    """Keep what stands below the place: the moment decides, then the source, the row."""
    if rank > after.rank:
        return rows.filter(happened__lt=after.at)
    if rank < after.rank:
        return rows.filter(happened__lte=after.at)
    return rows.filter(
        Q(happened__lt=after.at)
        | Q(happened=after.at, pk__lt=_value(rows.model, after))
    )


def _text(row: Model) -> str:
    """Write the key so that texts are in the order of the keys."""
    return f"{row.pk:020}" if isinstance(row.pk, int) else str(row.pk)


def _value(model: type[Model], place: _Place) -> Any:
    return model._meta.pk.to_python(place.pk)


def _write(place: _Place) -> str:
    text = json.dumps([place.at.isoformat(), place.rank, place.pk])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str) -> _Place | None:
    if not cursor or len(cursor) > LONGEST_CURSOR:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        at, rank, pk = json.loads(raw)
        moment = parse_datetime(at)
        # Keys are numbers or UUIDs; anything else would break the query.
        known = int(pk) < 2**63 if str(pk).isdigit() else UUID(pk)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    if not known or moment is None or moment.tzinfo is None:
        return None
    return _Place(at=moment, rank=int(rank), pk=str(pk))
