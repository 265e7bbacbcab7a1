"""Delete rows that others point at without the database checking it."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib import admin
from django.db import models, transaction
from django.http import HttpRequest

M = TypeVar("M", bound=models.Model)


@transaction.atomic
def delete_locked(rows: models.QuerySet[Any]) -> int:
    """Delete these rows and what hangs on them; say how many that were, with those.

    Each is taken first: who writes a row that points at one holds it, so he is waited
    for, his rows are seen, and who comes later finds it gone.
    """
    taken = rows.select_for_update().order_by("pk")
    keys = list(taken.values_list("pk", flat=True))
    every = rows.model._base_manager.filter(pk__in=keys)  # noqa: SLF001 - documented
    number: int = every.delete()[0]
    return number


class DeletesLocked(admin.ModelAdmin[M]):
    """An administration page that deletes in this way."""

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        self.delete_queryset(request, type(obj)._default_manager.filter(pk=obj.pk))  # noqa: SLF001 - documented

    def delete_queryset(
        self, request: HttpRequest, queryset: models.QuerySet[M]
    ) -> None:
        delete_locked(queryset)
