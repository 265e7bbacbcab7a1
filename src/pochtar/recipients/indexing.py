"""Keep the text that recipients are found by: one row for each, with an index of parts.

PostgreSQL has a trigram index on it, SQLite a full-text table of trigrams that triggers
keep in step (migration 0005).  Both find any part of three characters or more in some
milliseconds among a million.  The row is written with the recipient; an import writes
its rows afterwards, because the index costs more than everything else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Replace

from mailcore.addresses import readable_key
from pochtar.accounts.models import Workspace
from pochtar.recipients.models import Recipient, SearchText
from pochtar.recipients.words import fold

SHORTEST_INDEXED = 3  # characters
FULL_TEXT = "recipients_searchtext_parts"  # SQLite's table of trigrams

A_LABEL = "xn--"  # of a domain that people write in their own letters
# Parameters go through the driver's formatting: no percent sign may stand here alone.
_HAS_A_LABEL = f"LIKE '%%{A_LABEL}%%'"

_FOLDED = "REPLACE(email_key, 'ё', 'е')"
_FOLDED_KEY = Replace(F("email_key"), Value("ё"), Value("е"), output_field=CharField())


def index_recipients(recipients: QuerySet[Recipient]) -> int:
    """Write what these recipients are found by now; return how many rows changed."""
    chosen = recipients.order_by().values_list(
        "id", "workspace_id", "email_key", "name_key"
    )
    try:
        inner, parameters = chosen.query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:  # nobody at all, and Django knows it without asking
        return 0
    return index_selected(inner, parameters)


def index_selected(inner: str, parameters: Any) -> int:
    """Do it for the rows of a SELECT: id, workspace_id, email_key, name_key."""
    table = connection.ops.quote_name(SearchText._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} AS old "  # noqa: S608
            "(recipient_id, workspace_id, text, email_key, name_key) "
            f"SELECT id, workspace_id, {_FOLDED} || ' ' || name_key, email_key, name_key "
            # Names that have a part in common come to lie side by side: many who are
            # found are read from few pages.
            f"FROM ({inner}) AS chosen WHERE true ORDER BY name_key, id "
            "ON CONFLICT (recipient_id) DO UPDATE SET text = excluded.text, "
            "email_key = excluded.email_key, name_key = excluded.name_key "
            "WHERE old.text <> excluded.text OR old.email_key <> excluded.email_key",
            parameters,
        )
        written = int(cursor.rowcount)
        cursor.execute(
            f"SELECT id, {_FOLDED}, name_key FROM ({inner}) AS chosen "  # noqa: S608
            f"WHERE email_key {_HAS_A_LABEL}",
            parameters,
        )
        readable = [
            (f"{key} {fold(readable_key(key))} {name}", pk)
            for pk, key, name in cursor.fetchall()
        ]
        if readable:
            cursor.executemany(
                f"UPDATE {table} SET text = %s WHERE recipient_id = %s",  # noqa: S608
                readable,
            )
        return written


def has_terms(terms: Iterable[str]) -> Q:
    """Return the condition on a recipient's own columns, for a walk along an index."""
    condition = Q()
    for term in terms:
        found = Q(email_key__contains=term)
        if "е" in term:
            found = Q(folded_key__contains=term)
        found |= Q(name_key__contains=term)
        if not term.isascii():
            # The cheap condition first: PostgreSQL tries them in this order, and hardly
            # any row needs the look into the other table.
            texts = SearchText.objects.filter(recipient=OuterRef("pk"))
            shown = Exists(texts.filter(text__contains=term))
            found |= Q(email_key__contains=A_LABEL) & Q(shown)
        condition &= found
    return condition


def with_folded_key(recipients: QuerySet[Recipient]) -> QuerySet[Recipient]:
    return recipients.alias(folded_key=_FOLDED_KEY)


def can_be_looked_up(terms: Iterable[str]) -> bool:
    """Say whether the index knows at least one of the terms."""
    return any(len(term) >= SHORTEST_INDEXED for term in terms)


def texts_with(workspace: Workspace, terms: list[str]) -> QuerySet[SearchText]:
    """Return the rows of those who have all the terms, by the index."""
    rows = SearchText.objects.of(workspace)
    for term in terms:
        rows = rows.filter(text__contains=term)
    if connection.vendor == "sqlite" and can_be_looked_up(terms):
        sql = f"SELECT rowid FROM {FULL_TEXT} WHERE {FULL_TEXT} MATCH %s"  # noqa: S608
        rows = rows.filter(pk__in=RawSQL(sql, [_phrases(terms)]))  # noqa: S611
    return rows


def first_with(
    workspace: Workspace, terms: list[str], limit: int, *, key: str
) -> list[tuple[Any, UUID]]:
    """Return the first recipients, in no order, who have all the terms.

    Each comes behind the value of a column of SearchText.
    """
    if connection.vendor != "sqlite" or not can_be_looked_up(terms):
        rows = texts_with(workspace, terms).values_list(key, "recipient_id")
        if connection.vendor == "postgresql" and len(terms) > 1:
            return _first_of_all(rows, limit)
        return list(rows[:limit])
    table = connection.ops.quote_name(SearchText._meta.db_table)
    short = [term for term in terms if len(term) < SHORTEST_INDEXED]
    has_short = " AND INSTR(texts.text, %s)" * len(short)
    with connection.cursor() as cursor:
        # Row by row as the index finds them: ORM would have them all found first.
        cursor.execute(
            f"SELECT texts.{connection.ops.quote_name(key)}, texts.recipient_id "  # noqa: S608
            f"FROM {FULL_TEXT} JOIN {table} AS texts "
            f"ON texts.id = {FULL_TEXT}.rowid WHERE {FULL_TEXT} MATCH %s "
            f"AND texts.workspace_id = %s{has_short} LIMIT %s",
            [_phrases(terms), workspace.pk.hex, *short, limit],
        )
        found = [(value, UUID(digits)) for value, digits in cursor.fetchall()]
    return [(pk, pk) for _value, pk in found] if key == "recipient_id" else found


def _first_of_all(
    rows: QuerySet[SearchText, tuple[Any, UUID]], limit: int
) -> list[tuple[Any, UUID]]:
    """Return the first, with all of them sought as if there were no limit.

    Of two common parts PostgreSQL expects to meet many who have both at once, and reads
    everybody when nobody has.
    """
    sql, parameters = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH found AS MATERIALIZED ({sql}) SELECT * FROM found LIMIT %s",  # noqa: S608
            [*parameters, limit],
        )
        return list(cursor.fetchall())


def _phrases(terms: list[str]) -> str:
    """Return the query in FTS5's language: all of these parts, literally."""
    long = [term for term in terms if len(term) >= SHORTEST_INDEXED]
    return " AND ".join('"' + term.replace('"', '""') + '"' for term in long)
