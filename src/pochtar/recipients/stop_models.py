"""A stop list that somebody is about to import."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pochtar.recipients.consent_models import SuppressionReason
from pochtar.recipients.work_models import Work


class StopUpload(Work):
    """A file, or a paste, between its preview and the word that it may go in.

    It is small, lives for a day at most, and has to be found by whichever server
    answers next: so it waits in the database.  ``done`` counts the entries that have
    been gone through, ``added`` and ``marked`` what came of them.
    """

    file_name = models.CharField(max_length=200, blank=True)  # "" = pasted
    content = models.BinaryField()  # nothing once it is done
    # Of the rows that give none.
    reason = models.CharField(max_length=12, choices=SuppressionReason)
    added = models.PositiveBigIntegerField(default=0)  # entries; the rest were there
    marked = models.PositiveBigIntegerField(default=0)  # recipients that they stop

    class Meta:
        verbose_name = _("uploaded stop list")
        verbose_name_plural = _("uploaded stop lists")

    def __str__(self) -> str:
        return self.file_name or str(self.pk)
