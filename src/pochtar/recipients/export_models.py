"""An export: a file of recipients, for the person who ordered it."""

from __future__ import annotations

import datetime as dt
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import User
from pochtar.recipients.work_models import Work, WorkQuerySet, WorkState


class ExportFormat(models.TextChoices):
    EXCEL_CSV = "excel_csv", _("CSV for Excel (semicolons)")
    CSV = "csv", _("CSV (commas)")
    XLSX = "xlsx", _("Excel workbook (XLSX)")


class ExportQuerySet(WorkQuerySet):
    def visible_to(self, user: User) -> Self:
        """Return one's own, of workspaces that one still takes part in: nobody else's."""
        return super().visible_to(user).filter(created_by=user)


class Export(Work):
    """One file.

    ``selection``: whom it has (selections.py).  ``columns``: each {"name", "title"}, in the
    reader's ``language``.  The file lies below VAR/exports until ``expires_at``.
    """

    format = models.CharField(max_length=10, choices=ExportFormat)
    columns = models.JSONField(default=list)
    selection = models.JSONField(default=dict)
    language = models.CharField(max_length=10, blank=True)
    stored_as = models.CharField(max_length=60, blank=True, editable=False)
    size = models.PositiveBigIntegerField(default=0)  # in bytes
    expires_at = models.DateTimeField(null=True)

    objects = ExportQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        indexes = [
            models.Index(
                fields=["workspace", "created_by", "-id"], name="recipients_export_page"
            ),
            models.Index(
                fields=["expires_at"],
                condition=~models.Q(stored_as=""),
                name="recipients_export_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.format} · {self.pk}"

    def is_ready(self, now: dt.datetime) -> bool:
        """Say whether there is a file to be had."""
        return (
            self.state == WorkState.DONE
            and bool(self.stored_as)
            and self.expires_at is not None
            and self.expires_at > now
        )

    @property
    def extension(self) -> str:
        return "xlsx" if self.format == ExportFormat.XLSX else "csv"
