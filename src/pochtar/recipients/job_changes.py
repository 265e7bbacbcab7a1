"""What each kind of bulk action does to a batch, and how it is taken back.

All of it happens in the batch's transaction.  Who is really changed is noted in
``BulkItem.before`` first, so that an undo touches nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Field, Model, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.base.errors import Conflict
from pochtar.recipients.job_models import BulkItem, BulkJob
from pochtar.recipients.models import Recipient, RecipientList, Subscription
from pochtar.recipients.stop_marks import hold_stop_list

Items = QuerySet[BulkItem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What became of a batch of an undo."""

    returned: int = 0
    kept: int = 0  # had changed since


def items_of(job: BulkJob, *, after: int, to: int) -> Items:
    return BulkItem.objects.filter(job=job, position__gt=after, position__lte=to)


def ids_of(items: Items) -> list[UUID]:
    # Ids are given to the database one by one everywhere here: of a table that has just
    # been filled it knows nothing, and might read a whole list for each recipient.
    return list(items.values_list("recipient_id", flat=True))


def people_of(job: BulkJob, items: Items) -> QuerySet[Recipient]:
    """Return those of the items who are still there, locked against deletion."""
    people = Recipient.objects.of(job.workspace).filter(pk__in=ids_of(items))
    return people.select_for_update(no_key=True).order_by("pk")


def changed(items: Items) -> Items:
    return items.filter(before__isnull=False)


# Lists ---------------------------------------------------------------------------------
def _list_of(job: BulkJob) -> RecipientList:
    # Locked, so that nobody deletes it, or the workspace, under our hands.
    hold_stop_list(job.workspace_id)
    lists = RecipientList.objects.of(job.workspace).select_for_update(no_key=True)
    row: RecipientList | None = lists.filter(pk=job.wish["list"]).first()
    if row is None:
        raise Conflict("list_gone", _("This list has been deleted."))
    return row


def _members(list_id: Any, ids: list[UUID]) -> QuerySet[Subscription]:
    return Subscription.objects.filter(list=list_id, recipient__in=ids)


def _outside(job: BulkJob, to: RecipientList, items: Items) -> list[UUID]:
    """Return those who are there and not in the list."""
    ids = list(people_of(job, items).values_list("pk", flat=True))
    inside = set(_members(to.pk, ids).values_list("recipient_id", flat=True))
    return [pk for pk in ids if pk not in inside]


def _put_in(to: RecipientList, ids: list[UUID]) -> int:
    rows = [Subscription(list=to, recipient_id=pk) for pk in ids]
    Subscription.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def add_to_list(job: BulkJob, items: Items) -> int:
    to = _list_of(job)
    ids = _outside(job, to, items)
    items.filter(recipient_id__in=ids).update(before={})
    return _put_in(to, ids)


def undo_add(job: BulkJob, items: Items) -> Returned:
    ids = ids_of(changed(items))
    returned = _members(job.wish["list"], ids).delete()[0]
    return Returned(returned=returned, kept=len(ids) - returned)


def remove_from_list(job: BulkJob, items: Items) -> int:
    members = _members(job.wish["list"], ids_of(items))
    ids = list(members.values_list("recipient_id", flat=True))
    items.filter(recipient_id__in=ids).update(before={})
    return members.delete()[0]


def undo_remove(job: BulkJob, items: Items) -> Returned:
    to, removed = _list_of(job), changed(items)
    returned = _put_in(to, _outside(job, to, removed))
    return Returned(returned=returned, kept=removed.count() - returned)


# An attribute --------------------------------------------------------------------------
def set_attribute(job: BulkJob, items: Items) -> int:
    key, value = job.wish["key"], job.wish["value"]
    before: dict[Any, dict[str, Any]] = {}
    after: dict[Any, dict[str, Any]] = {}
    for pk, attributes in people_of(job, items).values_list("pk", "attributes"):
        if attributes.get(key, "") != value:
            before[pk] = {"was": attributes[key]} if key in attributes else {}
            after[pk] = _with(attributes, key, value)
    ids = dict(items.values_list("recipient_id", "pk"))
    write(BulkItem, "before", {ids[pk]: was for pk, was in before.items()})
    _write_attributes(after)
    return len(after)


def undo_attribute(job: BulkJob, items: Items) -> Returned:
    key, value = job.wish["key"], job.wish["value"]
    before: dict[Any, Any] = dict(changed(items).values_list("recipient_id", "before"))
    after: dict[Any, dict[str, Any]] = {}
    for pk, attributes in people_of(job, changed(items)).values_list(
        "pk", "attributes"
    ):
        if attributes.get(key, "") == value:
            after[pk] = _with(attributes, key, before[pk].get("was", ""))
    _write_attributes(after)
    return Returned(returned=len(after), kept=len(before) - len(after))


def _with(attributes: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    changed = {**attributes, key: value}
    if value == "":
        del changed[key]
    return changed


def _write_attributes(values: Mapping[Any, dict[str, Any]]) -> None:
    write(Recipient, "attributes", values, updated_at=timezone.now())


def write(
    model: type[Model],
    name: str,
    values: Mapping[Any, dict[str, Any]],
    **same: Any,
) -> None:
    """Write a value for each key, ``same`` for all: bulk_update is ten times as slow."""
    fields = [_column(model, one) for one in [name, *same, "id"]]
    quote = connection.ops.quote_name
    *sets, key = (f"{quote(str(field.column))} = %s" for field in fields)
    table = quote(model._meta.db_table)
    sql = f"UPDATE {table} SET {', '.join(sets)} WHERE {key}"  # noqa: S608
    rows = [
        [
            field.get_db_prep_save(one, connection)
            for field, one in zip(fields, [value, *same.values(), pk], strict=True)
        ]
        for pk, value in values.items()
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(sql, rows)


def _column(model: type[Model], name: str) -> Field[Any, Any]:
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    return field
