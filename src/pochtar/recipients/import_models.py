"""An import: a file of recipients on its way into the workspace."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pochtar.base.fields import AddressHashField, KeyField
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

    ``understood``: mailcore.sheets.Understood as JSON: kind (csv, xlsx, ods), encoding,
    delimiter, header (bool), sheet, sheets.
    ``columns``: for each column of the file {"title", "to", "key"}: ``to`` is email,
    full_name, first_name, last_name, comment, attribute (then ``key``) or skip.
    ``counts``: new, updated, unchanged, refused, duplicate, suppressed (of the new and
    the others alike), listed (known ones, new to a list), kept (what an undo left
    because it had changed since).  First what will be, from the end of the application
    on what was.  ``refusals``: rows by the code of their reason.
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
    # Its rows in the tables below have the ids from ``lot`` * LOT on, by their number.
    lot = models.PositiveBigIntegerField(unique=True, null=True, editable=False)
    # Behind which row (id) the running phase goes on; what the batches did so far.
    cursor = models.PositiveBigIntegerField(default=0, editable=False)
    applied = models.JSONField(default=dict, editable=False)
    # ``updated_at`` of whom it wrote, ``created_at`` of their places in lists: whatever
    # differs has been changed since.
    stamp = models.DateTimeField(null=True, editable=False)
    # Its rows are gone: no report, no undo.
    pruned_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        indexes = [
            models.Index(fields=["workspace", "-id"], name="recipients_import_page"),
        ]

    def __str__(self) -> str:
        return self.file_name or str(self.pk)


LOT = 1 << 28  # more rows than any file may have


class ImportRow(models.Model):
    """A row of the file that can be imported, cleaned, ready for set-based SQL.

    No keys to other tables and no index but the primary one: a million of them are
    written before anybody knows whether they are wanted.
    """

    id = models.BigIntegerField(primary_key=True)  # lot * LOT + number of the row
    recipient_id = models.UUIDField()  # of the recipient that it becomes, if new
    email = models.CharField(max_length=320)
    email_key = KeyField(max_length=320)
    address_hash = AddressHashField()
    full_name = models.CharField(max_length=200)
    name_key = KeyField(max_length=400)
    comment = models.TextField()
    attributes = models.JSONField()
    # The number of the row with the same address that counts; 0: this one does.
    twin_of = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("row of an import")
        verbose_name_plural = _("rows of imports")

    def __str__(self) -> str:
        return self.email

    @property
    def number(self) -> int:
        return self.id % LOT


class ImportRefusal(models.Model):
    """A row of the file that cannot be imported; the file itself has its cells."""

    id = models.BigIntegerField(primary_key=True)  # as in ImportRow
    code = models.CharField(max_length=40)
    cells = models.JSONField(null=True)  # of the first ones, to be shown

    class Meta:
        verbose_name = _("refused row of an import")
        verbose_name_plural = _("refused rows of imports")

    def __str__(self) -> str:
        return self.code

    @property
    def number(self) -> int:
        return self.id % LOT


class ImportChange(models.Model):
    """What a recipient was before an import changed them."""

    id = models.BigIntegerField(primary_key=True)  # as in ImportRow
    recipient_id = models.UUIDField()  # no key: they may be deleted
    full_name = models.CharField(max_length=200)
    name_key = KeyField(max_length=400)
    comment = models.TextField()
    attributes = models.JSONField()
    basis = models.CharField(max_length=12)
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name = _("change by an import")
        verbose_name_plural = _("changes by imports")

    def __str__(self) -> str:
        return str(self.recipient_id)

    @property
    def number(self) -> int:
        return self.id % LOT
