"""A mailing: message + audience + sender + schedule."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import OwnedQuerySet, User, Workspace
from pochtar.base.ids import uuid7
from pochtar.content.models import Message
from pochtar.delivery.models import Run, Sender
from pochtar.recipients.models import Recipient, RecipientList


class MailingStatus(models.TextChoices):
    """created → running → completed; scheduled and paused refine the first two."""

    CREATED = "created", _("created")
    SCHEDULED = "scheduled", _("scheduled")
    RUNNING = "running", _("running")
    PAUSED = "paused", _("paused")
    COMPLETED = "completed", _("completed")


class AudienceKind(models.TextChoices):
    EVERYBODY = "everybody", _("Everybody")
    LISTS = "lists", _("Lists")
    PICKED = "picked", _("Picked people")


class Mailing(models.Model):
    """What is to be sent to whom, and its one run once it is launched."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="mailings"
    )
    name = models.CharField(_("mailing name"), max_length=200)
    message = models.ForeignKey(
        Message,
        on_delete=models.PROTECT,
        related_name="mailings",
        verbose_name=_("message"),
    )
    sender = models.ForeignKey(
        Sender,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="mailings",
        verbose_name=_("sender"),
    )
    audience = models.CharField(
        _("recipients"),
        max_length=16,
        choices=AudienceKind,
        default=AudienceKind.EVERYBODY,
    )
    lists = models.ManyToManyField(
        RecipientList, blank=True, related_name="mailings", verbose_name=_("lists")
    )
    picked = models.ManyToManyField(
        Recipient, blank=True, related_name="picked_in", verbose_name=_("picked people")
    )
    start_at = models.DateTimeField(_("start at"), null=True, blank=True)
    stop_at = models.DateTimeField(_("stop at"), null=True, blank=True)
    status = models.CharField(
        _("status"), max_length=16, choices=MailingStatus, default=MailingStatus.CREATED
    )
    run = models.OneToOneField(
        Run, on_delete=models.PROTECT, null=True, blank=True, related_name="mailing"
    )
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, editable=False
    )
    created_at = models.DateTimeField(
        _("created"), default=timezone.now, editable=False
    )
    updated_at = models.DateTimeField(
        _("changed"), default=timezone.now, editable=False
    )

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("mailing")
        verbose_name_plural = _("mailings")
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=MailingStatus.values),
                name="mailings_mailing_status_known",
            ),
            models.CheckConstraint(
                condition=Q(audience__in=AudienceKind.values),
                name="mailings_mailing_audience_known",
            ),
            models.CheckConstraint(
                condition=~Q(name=""), name="mailings_mailing_named"
            ),
            models.CheckConstraint(
                condition=Q(start_at=None)
                | Q(stop_at=None)
                | Q(stop_at__gt=F("start_at")),
                name="mailings_mailing_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=[MailingStatus.CREATED, MailingStatus.SCHEDULED],
                    run=None,
                )
                | Q(
                    status__in=[
                        MailingStatus.RUNNING,
                        MailingStatus.PAUSED,
                        MailingStatus.COMPLETED,
                    ],
                    run__isnull=False,
                ),
                name="mailings_mailing_run_when_launched",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "id"], name="mailings_mailing_page"),
            models.Index(
                fields=["start_at"],
                condition=Q(status=MailingStatus.SCHEDULED),
                name="mailings_mailing_due",
            ),
        ]

    def __str__(self) -> str:
        return self.name
