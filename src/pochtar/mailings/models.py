"""A mailing: message + audience + sender + schedule."""

from __future__ import annotations

import datetime as dt
import re
from typing import Self

from django.db import models
from django.db.models import Case, F, Q, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import OwnedQuerySet, Role, User, Workspace
from pochtar.base.ids import uuid7
from pochtar.content.models import Message
from pochtar.delivery.models import Run, RunStatus, Sender
from pochtar.delivery.undo import can_be_undone
from pochtar.mailings.lifecycle import MailingStatus
from pochtar.recipients.models import Recipient, RecipientList, Segment

__all__ = [
    "MISSED",
    "MISSED_ASK",
    "MOST_DAYS",
    "AudienceKind",
    "Mailing",
    "MailingQuerySet",
    "MailingStatus",
    "MissedRule",
]


MOST_DAYS = 3650  # that an exception looks back
# Notes of a mailing whose start was missed: it was not sent, or waits for an answer.
MISSED, MISSED_ASK = "missed", "missed_ask"


class AudienceKind(models.TextChoices):
    EVERYBODY = "everybody", _("Everybody")
    LISTS = "lists", _("Chosen lists and segments")
    PICKED = "picked", _("Picked people")


class MissedRule(models.TextChoices):
    """What becomes of a scheduled mailing whose hour passed while nothing ran."""

    SEND = "send", _("Send it late")
    SKIP = "skip", _("Do not send it")
    ASK = "ask", _("Ask me")


class MailingQuerySet(OwnedQuerySet):
    def launchable_by(self, user: User) -> Self:
        """Return the mailings that the person's role lets them launch."""
        return self._with_roles(user, Role.from_rank(Role.MANAGER))

    def in_state(self, state: str) -> Self:
        """Return the mailings whose ``state`` is this one, as their runs say."""
        return self.annotate(
            state_now=Case(When(run=None, then=F("status")), default=F("run__status"))
        ).filter(state_now=state)

    def matching(self, text: str) -> Self:
        """Return those whose name or subject has the text in it, whatever the case.

        A regular expression, because SQLite's LIKE folds only ASCII and its REGEXP is
        Python's; there are thousands of mailings, not millions.
        """
        pattern = re.escape(text)
        return self.filter(
            Q(name__iregex=pattern) | Q(message__subject__iregex=pattern)
        )

    def due(self, now: dt.datetime) -> Self:
        """Return the scheduled mailings whose time has come, and that need no answer."""
        scheduled = self.filter(status=MailingStatus.SCHEDULED, start_at__lte=now)
        return scheduled.exclude(note=MISSED_ASK)

    def family_of(self, mailing: Mailing) -> list[Mailing]:
        """Return the mailing that began it, and all that follow it or one another."""
        found: dict[object, Mailing] = {}
        while mailing.follows and mailing.pk not in found:
            found[mailing.pk] = mailing
            mailing = mailing.follows
        found = {mailing.pk: mailing}
        newest = [mailing]
        while newest:
            newest = list(self.filter(follows__in=newest).exclude(pk__in=found))
            found.update((row.pk, row) for row in newest)
        return list(found.values())

    def waiting(self) -> Self:
        """Return those that have not been launched."""
        return self.filter(status__in=[MailingStatus.CREATED, MailingStatus.SCHEDULED])

    def waiting_for_list(self, row: RecipientList) -> Self:
        """Return those not launched that are for the list, or leave its members out."""
        chosen = Q(lists=row, audience=AudienceKind.LISTS)
        return self.waiting().filter(chosen | Q(exclude_lists=row)).distinct()

    def waiting_for_segment(self, row: Segment) -> Self:
        """Return those not launched that are for the segment, or leave it out."""
        chosen = Q(segments=row, audience=AudienceKind.LISTS)
        return self.waiting().filter(chosen | Q(exclude_segments=row)).distinct()

    def drafts_after(self, mailing: Mailing) -> Self:
        """Return the mailings not launched yet that leave this one's people out."""
        family = self.family_of(mailing) if mailing.run_id else []
        followers = [row.pk for row in family if row.follows_id and not row.run_id]
        return self.filter(pk__in=followers)

    def out_of_step(self) -> Self:
        """Return the launched mailings whose run has moved on."""
        return self.filter(run__isnull=False).exclude(status=F("run__status"))


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
    segments = models.ManyToManyField(
        Segment, blank=True, related_name="mailings", verbose_name=_("segments")
    )
    # Whom it leaves out, whatever they were chosen by.
    exclude_lists = models.ManyToManyField(
        RecipientList, blank=True, related_name="excluded_from"
    )
    exclude_segments = models.ManyToManyField(
        Segment, blank=True, related_name="excluded_from"
    )
    exclude_mailings = models.ManyToManyField(
        "self", blank=True, symmetrical=False, related_name="excluded_from"
    )
    # Who got any mailing in so many last days; None: nobody.
    exclude_days = models.PositiveSmallIntegerField(null=True, blank=True)
    picked = models.ManyToManyField(
        Recipient, blank=True, related_name="picked_in", verbose_name=_("picked people")
    )
    start_at = models.DateTimeField(_("start at"), null=True, blank=True)
    stop_at = models.DateTimeField(_("stop at"), null=True, blank=True)
    missed_rule = models.CharField(
        _("if the start was missed"),
        max_length=8,
        choices=MissedRule,
        default=MissedRule.SEND,
    )
    # Write to a few first, and to the others when that went well.
    canary = models.BooleanField(_("careful start"), default=True)
    # The mailing whose recipients this one leaves out: it is for those added since.
    follows = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, editable=False
    )
    status = models.CharField(
        _("status"), max_length=16, choices=MailingStatus, default=MailingStatus.CREATED
    )
    run = models.OneToOneField(
        Run, on_delete=models.PROTECT, null=True, blank=True, related_name="mailing"
    )
    # Why a scheduled launch did not come about: the code of a preflight problem, or
    # that it was missed.
    note = models.CharField(max_length=40, blank=True, editable=False)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, editable=False
    )
    created_at = models.DateTimeField(
        _("created"), default=timezone.now, editable=False
    )
    updated_at = models.DateTimeField(
        _("changed"), default=timezone.now, editable=False
    )

    objects = MailingQuerySet.as_manager()

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
                condition=Q(missed_rule__in=MissedRule.values),
                name="mailings_mailing_missed_rule_known",
            ),
            models.CheckConstraint(
                condition=~Q(name=""), name="mailings_mailing_named"
            ),
            models.CheckConstraint(
                condition=Q(exclude_days=None)
                | Q(exclude_days__gte=1, exclude_days__lte=MOST_DAYS),
                name="mailings_mailing_days_in_range",
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
                        MailingStatus.CANCELLED,
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

    @property
    def state(self) -> MailingStatus:
        """Where the mailing stands now: as its run says once there is one."""
        return MailingStatus(self.run.status if self.run else self.status)

    @property
    def is_launched(self) -> bool:
        return self.run_id is not None

    @property
    def has_letters_in_hand(self) -> bool:
        """Whether it is cancelled, and its end not yet recorded."""
        if not self.run or self.run.status != RunStatus.CANCELLED:
            return False
        return self.run.finished_at is None

    def waits_for_undo(self, now: dt.datetime) -> bool:
        """Whether its launch can still be taken back."""
        return bool(self.run and can_be_undone(self.run, now=now))
