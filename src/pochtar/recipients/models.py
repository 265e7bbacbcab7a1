"""Whom a workspace may write to, and in which lists they are."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import OwnedQuerySet, Workspace
from pochtar.base.fields import AddressHashField, KeyField
from pochtar.base.ids import uuid7
from pochtar.recipients.attribute_models import Attribute, AttributeType
from pochtar.recipients.consent_models import (
    Basis,
    ConsentEntry,
    ConsentHead,
    ConsentKind,
    ConsentSource,
    ConsentSubject,
    Suppression,
    SuppressionReason,
)
from pochtar.recipients.domain_models import DomainHealth, DomainVerdict, DomainWalk
from pochtar.recipients.export_models import Export, ExportFormat
from pochtar.recipients.import_models import (
    LOT,
    Import,
    ImportChange,
    ImportRefusal,
    ImportRow,
    ImportStep,
)
from pochtar.recipients.job_models import BulkItem, BulkJob, JobKind, JobStep
from pochtar.recipients.segment_models import Segment
from pochtar.recipients.stop_models import StopUpload
from pochtar.recipients.work_models import Work, WorkQuerySet, WorkState

__all__ = [
    "LOT",
    "Attribute",
    "AttributeType",
    "Basis",
    "BulkItem",
    "BulkJob",
    "ConsentEntry",
    "ConsentHead",
    "ConsentKind",
    "ConsentSource",
    "ConsentSubject",
    "DomainHealth",
    "DomainVerdict",
    "DomainWalk",
    "Export",
    "ExportFormat",
    "Import",
    "ImportChange",
    "ImportRefusal",
    "ImportRow",
    "ImportStep",
    "JobKind",
    "JobStep",
    "Recipient",
    "RecipientList",
    "SearchText",
    "Segment",
    "StopUpload",
    "Subscription",
    "Suppression",
    "SuppressionReason",
    "UnsubscribedVia",
    "Work",
    "WorkQuerySet",
    "WorkState",
]


class UnsubscribedVia(models.TextChoices):
    """Who said that no more letters are wanted, and how."""

    ONE_CLICK = "one_click", _("the mail program's button")
    PAGE = "page", _("the page behind the letter's link")
    PERSON = "person", _("a participant")


class Recipient(models.Model):
    """Somebody who may be written to.

    The address is stored twice (MSG-13): ``email`` as it was typed, which is what
    goes on the wire, and ``email_key``, which says who is the same person.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # No index of its own: those of the pages begin with the workspace.  The database does
    # not check it: whoever adds recipients holds the workspace's row (0015-imports.md).
    workspace = models.ForeignKey(
        Workspace,
        on_delete=models.CASCADE,
        related_name="recipients",
        db_index=False,
        db_constraint=False,
    )
    email = models.CharField(_("e-mail"), max_length=320)
    email_key = KeyField(max_length=320, editable=False)
    address_hash = AddressHashField()
    full_name = models.CharField(_("full name"), max_length=200, blank=True)
    # Folded in Python: SQLite knows only ASCII, and «Ёлкина» belongs beside «Елкина».
    name_key = KeyField(max_length=400, blank=True, editable=False)
    comment = models.TextField(_("comment"), max_length=2000, blank=True)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    created_at = models.DateTimeField(_("added"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(
        _("changed"), default=timezone.now, editable=False
    )
    # Whoever has unsubscribed gets no mailing, whatever list they are in.
    unsubscribed_at = models.DateTimeField(
        _("unsubscribed"), null=True, blank=True, editable=False
    )
    unsubscribed_via = models.CharField(
        max_length=12, choices=UnsubscribedVia, blank=True, editable=False
    )

    # Why they may be written to; "" = unconfirmed: no mailing reaches them (LAW-02).
    basis = models.CharField(max_length=12, choices=Basis, blank=True)
    # Whether the stop list names them, or their domain (BNC-07): kept by its services.
    suppressed = models.BooleanField(default=False, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "email_key"], name="recipients_recipient_unique"
            ),
            models.CheckConstraint(
                condition=~models.Q(email_key=""), name="recipients_recipient_addressed"
            ),
            models.CheckConstraint(
                condition=models.Q(unsubscribed_at=None, unsubscribed_via="")
                | models.Q(
                    unsubscribed_at__isnull=False,
                    unsubscribed_via__in=UnsubscribedVia.values,
                ),
                name="recipients_recipient_left_somehow",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "id"], name="recipients_recipient_page"),
            models.Index(
                fields=["workspace", "name_key", "id"], name="recipients_recipient_name"
            ),
            models.Index(
                fields=["workspace", "id"],
                condition=models.Q(unsubscribed_at__isnull=False),
                name="recipients_recipient_left",
            ),
            models.Index(
                fields=["workspace", "id"],
                condition=models.Q(suppressed=True),
                name="recipients_recipient_stopped",
            ),
            models.Index(
                fields=["workspace", "id"],
                condition=models.Q(basis=""),
                name="recipients_recipient_no_basis",
            ),
            # "Added in the last N days".  An import writes at its end alone.
            models.Index(
                fields=["workspace", "created_at"], name="recipients_recipient_added"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.full_name} <{self.email}>" if self.full_name else self.email


class SearchText(models.Model):
    """What a recipient is found by: the folded address and name (see indexing.py)."""

    id = models.BigAutoField(primary_key=True)  # SQLite's index of parts knows it
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    recipient = models.OneToOneField(
        Recipient, on_delete=models.CASCADE, related_name="search_text"
    )
    text = models.TextField()
    # The recipient's own, so that many who are found can be sorted without reading them.
    email_key = KeyField(max_length=320, editable=False)
    name_key = KeyField(max_length=400, blank=True, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("search text")
        verbose_name_plural = _("search texts")

    def __str__(self) -> str:
        return self.text


class RecipientList(models.Model):
    """A named group of recipients."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="lists"
    )
    name = models.CharField(_("list name"), max_length=120)
    description = models.CharField(_("description"), max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    recipients = models.ManyToManyField(
        Recipient, through="Subscription", related_name="lists"
    )

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("list")
        verbose_name_plural = _("lists")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"], name="recipients_list_name_unique"
            ),
            models.CheckConstraint(
                condition=~models.Q(name=""), name="recipients_list_named"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Subscription(models.Model):
    """A recipient's place in a list.

    The database checks neither key: whoever writes a row has locked the list and the
    recipient, whoever deletes one of those takes it for himself first (0015-imports.md).
    """

    id = models.BigAutoField(primary_key=True)
    # No index of its own: the constraint's begins with the list.
    list = models.ForeignKey(
        RecipientList,
        on_delete=models.CASCADE,
        related_name="subscriptions",
        db_index=False,
        db_constraint=False,
    )
    recipient = models.ForeignKey(
        Recipient,
        on_delete=models.CASCADE,
        related_name="subscriptions",
        db_constraint=False,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        constraints = [
            models.UniqueConstraint(
                fields=["list", "recipient"], name="recipients_subscription_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.list_id} · {self.recipient_id}"
