"""Take a person out of JSON columns, whatever lies in them (LAW-06)."""

from __future__ import annotations

import json
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from pochtar.base.traces import Traces


def hide_addresses(rows: QuerySet[Any], column: str, traces: Traces) -> None:
    """Hide the person's addresses in a column; the rows are read once, by no index.

    Addresses only: these rows are about many, and a name may be another's too.
    """
    as_text = rows.annotate(text=Cast(column, TextField()))
    named = reduce(or_, map(_spelled, sorted(traces.addresses)))
    hide_all(as_text.filter(named), column, traces.addresses_only())


def hide_all(rows: QuerySet[Any], column: str, traces: Traces) -> None:
    """Hide everything that tells who it was, in rows that are about the person."""
    every = rows.model._default_manager.all()  # noqa: SLF001 - Django documents it
    for row in rows.only("pk", column).order_by():
        value = getattr(row, column)
        hidden = traces.hide_in(value)
        if hidden != value:
            every.filter(pk=row.pk).update(**{column: hidden})


def _spelled(address: str) -> Q:
    # SQLite keeps JSON as we wrote it, in ASCII; PostgreSQL in letters.
    in_ascii = json.dumps(address)[1:-1]
    return Q(text__icontains=address) | Q(text__icontains=in_ascii)
