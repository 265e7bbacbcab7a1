"""A stop list that somebody is about to import."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import OwnedQuerySet, User, Workspace
from pochtar.base.ids import uuid7
from pochtar.recipients.consent_models import SuppressionReason


class StopUpload(models.Model):
    """A file, or a paste, between its preview and the word that it may go in.

    It is small, lives for a day at most, and has to be found by whichever server
    answers next: so it waits in the database.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="stop_uploads"
    )
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    file_name = models.CharField(max_length=200, blank=True)  # "" = pasted
    content = models.BinaryField()
    # Of the rows that give none.
    reason = models.CharField(max_length=12, choices=SuppressionReason)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("uploaded stop list")
        verbose_name_plural = _("uploaded stop lists")

    def __str__(self) -> str:
        return self.file_name or str(self.pk)
