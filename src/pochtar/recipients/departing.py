"""Delete recipients, many at a time, with all that hangs on them.

Django would load each of them to look for what hangs there.  Here it is a statement a
table, whatever points at a recipient, in layers above us too: rows that belong to the
recipient go, those that only mention one (deliveries) forget whom.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db import models

from pochtar.recipients.models import Recipient


def delete_people(ids: Sequence[UUID]) -> int:
    """Delete the recipients with these ids, in the caller's transaction; say how many.

    The list is short enough for a statement: a few thousand at a time.
    """
    people = _rows(Recipient).filter(pk__in=ids)
    # Taken first: nobody puts them into a list meanwhile, and no database checks that.
    list(people.select_for_update().order_by("pk").values_list("pk"))
    for field in _fields_that_point_here():
        pointing = _rows(field.model).filter(**{f"{field.name}__in": ids})
        if _belongs(field):
            pointing._raw_delete(pointing.db)  # noqa: SLF001 - one statement
        else:
            pointing.update(**{field.name: None})
    number: int = people._raw_delete(people.db)  # noqa: SLF001
    return number


def _rows(model: type[models.Model]) -> models.QuerySet[models.Model]:
    return model._base_manager.all()  # noqa: SLF001 - Django documents it


def _fields_that_point_here() -> Iterator[models.ForeignKey[Any, Any]]:
    for relation in Recipient._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and relation.auto_created:
            field = relation.field
            assert isinstance(field, models.ForeignKey)
            if field.remote_field.on_delete is not models.DO_NOTHING:
                yield field


def _belongs(field: models.ForeignKey[Any, Any]) -> bool:
    """Say whether the row goes with the recipient; refuse what we do not know."""
    model, what = field.model, field.remote_field.on_delete
    if what is models.CASCADE:
        # A row deleted with others hanging on it would leave those without it.
        hanging = [r for r in model._meta.related_objects if r.field.model is not model]
        if hanging:
            raise TypeError(f"{model.__name__} has rows of its own.")
        return True
    if what is models.SET_NULL:
        return False
    raise TypeError(f"{model.__name__}.{field.name}: {what}")
