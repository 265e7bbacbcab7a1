"""An import: a file of recipients on its way into the workspace."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pochtar.base.fields import KeyField
from pochtar.recipients.consent_models import Basis
from pochtar.recipients.work_models import Work


class ImportStep(models.TextChoices):
    """Where an import is: what a person is asked, or what a worker does."""

    UPLOADED = "uploaded", _("uploaded")  # is it understood rightly?
    MAPPED = "mapped", _("columns chosen")  # what is to be done with it?
    CHECKING = "checking", _("being checked")
    CHECKED = "checked", _("checked")  # shall it be done?
    APPLYING = "applying", _("being imported")
    INDEXING = "indexing", _("being made searchable")  # all are in already
    FINISHED = "finished", _("imported")
    UNDOING = "undoing", _("being undone")
    UNDONE = "undone", _("undone")


class Import(Work):
    """One file, how it is read, and what became of its rows.

    ``understood``: kind (csv, xlsx, ods), encoding, delimiter, header (bool), sheet.
    ``columns``: for each column of the file {"title", "to", "key"}: ``to`` is email,
    full_name, comment, attribute (then ``key``) or skip.
    ``counts``: new, updated, unchanged, refused, duplicate, suppressed, kept (what an
    undo left because it had changed since).  ``refusals``: rows by the code of their
    reason.
    """

    file_name = models.CharField(_("file"), max_length=200, blank=True)  # "" = pasted
    stored_as = models.CharField(max_length=200, editable=False)  # below VAR/imports
    size = models.PositiveBigIntegerField(default=0)  # in bytes
    sha256 = KeyField(max_length=64, blank=True)
    step = models.CharField(
        max_length=10, choices=ImportStep, default=ImportStep.UPLOADED
    )
    understood = models.JSONField(default=dict)
    columns = models.JSONField(default=list)
    lists = models.ManyToManyField(
        "recipients.RecipientList", blank=True, related_name="imports"
    )
    update_existing = models.BooleanField(default=True)
    basis = models.CharField(max_length=12, choices=Basis, blank=True)
    wording = models.TextField(blank=True)  # what those people were told (LAW-01)
    counts = models.JSONField(default=dict)
    refusals = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        indexes = [
            models.Index(fields=["workspace", "-id"], name="recipients_import_page"),
        ]

    def __str__(self) -> str:
        return self.file_name or str(self.pk)
