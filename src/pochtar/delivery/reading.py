"""Read a slice's recipients a page at a time: what its letters need, and no more.

All letters of a mailing pass through here, so it is SQL by hand, and rows as the driver
gives them.
"""

from __future__ import annotations

from functools import lru_cache

from django.db import connection
from django.db.models.fields.json import compile_json_path  # type: ignore[attr-defined]

from mailcore.engine.types import Item
from pochtar.delivery.members import members_statement
from pochtar.delivery.models import Slice
from pochtar.delivery.tables import columns_of, table_of
from pochtar.delivery.withdrawals import STANDING, standing_sql, why_not
from pochtar.recipients.models import Recipient

COLUMNS = ("email", "full_name")  # merge fields that are not attributes
PERSON = (*STANDING, "full_name", "attributes")


class Pages:
    """The members of one slice, with the merge fields of its letter."""

    def __init__(self, slice_: Slice, names: frozenset[str]) -> None:
        self._slice = slice_
        # Only what the letter uses: a whole JSON column costs 8 µs a row more.
        attributes = sorted(names - set(COLUMNS))
        self._keys = (*COLUMNS, *attributes)
        self._paths = [_path(key) for key in attributes]

    def read(self, *, after: int, up_to: int, limit: int) -> list[Item]:
        """Return the next members after a position, in their order."""
        members = members_statement(self._slice, after=after, up_to=up_to)
        sql = _page_sql(members.sql, len(self._paths))
        with connection.cursor() as cursor:
            cursor.execute(sql, [*members.parameters, *self._paths, limit])
            rows = cursor.fetchall()
        keys = self._keys
        return [
            Item(
                delivery_id=row[0],
                position=row[1],
                email=row[4],
                name=row[5],
                values=dict(zip(keys, row[4:], strict=True)),
                recipient=row[2],
            )
            if None not in row and not row[3]
            else self._item_with_gaps(*row)
            for row in rows
        ]

    def _item_with_gaps(
        self,
        pk: int,
        position: int,
        recipient: str | None,
        standing: int,
        *values: str | None,
    ) -> Item:
        """Make an item for one who gets no letter, or has not all merge fields."""
        pairs = zip(self._keys, values, strict=True)
        return Item(
            delivery_id=pk,
            position=position,
            email=values[0] or "",
            name=values[1] or "",
            values={"full_name": "", **{k: v for k, v in pairs if v is not None}},
            recipient=recipient or "",
            skip=why_not(recipient, standing),
        )


def _path(key: str) -> str:
    return key if connection.vendor == "postgresql" else str(compile_json_path([key]))


@lru_cache(maxsize=64)
def _page_sql(members: str, attributes: int) -> str:
    person = f"SELECT {columns_of(Recipient, *PERSON)} FROM {table_of(Recipient)}"  # noqa: S608
    if connection.vendor == "postgresql":
        digits = "encode(uuid_send(member.recipient), 'hex')"
        # One by one by their keys: left to itself, the planner reads the whole table
        # for every page of a mailing to some ten thousand.
        join = (
            f"LATERAL ({person} WHERE id = member.recipient OFFSET 0) AS person ON true"
        )
        found = ["person.attributes ->> %s"] * attributes
    else:
        digits = "member.recipient"
        join = f"{table_of(Recipient)} AS person ON person.id = member.recipient"
        found = ["JSON_EXTRACT(person.attributes, %s)"] * attributes
    columns = ", ".join(
        [
            *("member.id", "member.position", digits),
            standing_sql("person"),
            *("member.email", "person.full_name", *found),
        ]
    )
    return (
        f"WITH member(id, position, recipient, email) AS ({members}) "  # noqa: S608
        f"SELECT {columns} FROM member LEFT JOIN {join} "
        "ORDER BY member.position LIMIT %s"
    )
