"""The ledger: who was selected, what was attempted, how far each slice may have got.

    Run ─┬─ Delivery (1..N, frozen)      who was selected
         ├─ Slice (range of positions)   how far sending may have got (cursor)
         ├─ Attempt (append-only)        what was tried, and the server's reply
         └─ Tally (per minute)           the same, counted

A delivery has no status column.  Its state follows from its last attempt, else from
its position against the slice's cursor; ``ledger.py`` holds the one definition.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import OwnedQuerySet, User, Workspace
from pochtar.base.ids import uuid7
from pochtar.delivery.dkim_models import (
    DkimAlgorithm,
    DkimKey,
    DkimState,
    DkimVerdict,
)
from pochtar.delivery.limit_models import (
    DomainRoute,
    ProviderRule,
    ProviderState,
    RelayQuota,
    RunRelay,
    SenderRelay,
)
from pochtar.delivery.oauth_models import RelayOAuth
from pochtar.delivery.relay_models import (
    ManagedQuerySet,
    Relay,
    RelayKind,
    RelayTls,
    Sender,
)
from pochtar.delivery.tally_models import Tally
from pochtar.recipients.models import Recipient

__all__ = [
    "Attempt",
    "Delivery",
    "DkimAlgorithm",
    "DkimKey",
    "DkimState",
    "DkimVerdict",
    "DomainRoute",
    "ManagedQuerySet",
    "Outcome",
    "ProviderRule",
    "ProviderState",
    "Relay",
    "RelayKind",
    "RelayOAuth",
    "RelayQuota",
    "RelayTls",
    "Run",
    "RunRelay",
    "RunStatus",
    "Sender",
    "SenderRelay",
    "Slice",
    "SliceStatus",
    "Tally",
]


class RunStatus(models.TextChoices):
    RUNNING = "running", _("running")
    PAUSED = "paused", _("paused")
    COMPLETED = "completed", _("completed")
    CANCELLED = "cancelled", _("cancelled")  # open until its letters in hand are done


class SliceStatus(models.TextChoices):
    HELD = "held", _("held back")  # until the canary's verdict
    READY = "ready", _("ready")
    LEASED = "leased", _("leased")
    DONE = "done", _("done")


class Outcome(models.TextChoices):
    """What came of an attempt."""

    ACCEPTED = "accepted", _("accepted")  # the server answered 2xx to the message
    FAILED = "failed", _("failed")
    DEFERRED = "deferred", _("deferred")  # will be tried again
    UNKNOWN = (
        "unknown",
        _("unknown"),
    )  # the link or the process died at the wrong moment
    SKIPPED = "skipped", _("skipped")  # never tried; ``reason`` says why


class Run(models.Model):
    """One launch of a mailing: frozen content, frozen sender, frozen audience."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="runs"
    )
    status = models.CharField(
        max_length=16, choices=RunStatus, default=RunStatus.RUNNING
    )
    # Why it is paused: a stable code, and the detail a person needs (a reply, a host).
    pause_code = models.CharField(max_length=40, blank=True)
    pause_text = models.TextField(blank=True)
    subject = models.CharField(max_length=500)
    preheader = models.CharField(max_length=150, blank=True)
    html = models.TextField(blank=True)
    text = models.TextField(blank=True)
    from_name = models.CharField(max_length=120, blank=True)
    from_email = models.CharField(max_length=320)
    reply_to = models.CharField(max_length=320, blank=True)
    relay = models.ForeignKey(Relay, on_delete=models.PROTECT, related_name="runs")
    selected = models.PositiveIntegerField(default=0)
    started_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True
    )
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    stop_at = models.DateTimeField(null=True, blank=True)
    # The command that drives it in the foreground, named as in Slice.leased_by.
    driven_by = models.CharField(max_length=200, blank=True)
    # When it last went on after a pause: errors before that moment are old news.
    resumed_at = models.DateTimeField(null=True, blank=True)
    # So many first positions are the canary; the rest is held until its verdict.
    canary = models.PositiveIntegerField(default=0)
    # Until then nothing leaves, and the launch can be taken back.
    undo_until = models.DateTimeField(null=True, blank=True)
    # A delivery that was put off is given up after so long (SMTP-19).
    retry_hours = models.PositiveSmallIntegerField(default=72)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=RunStatus.values),
                name="delivery_run_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status=RunStatus.COMPLETED, finished_at__isnull=False)
                | Q(status__in=[RunStatus.RUNNING, RunStatus.PAUSED], finished_at=None)
                | Q(status=RunStatus.CANCELLED),
                name="delivery_run_finished_when_completed",
            ),
        ]
        indexes = [
            models.Index(
                fields=["status"],
                condition=~Q(status=RunStatus.COMPLETED),
                name="delivery_run_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} · {self.started_at:%Y-%m-%d %H:%M}"


class Delivery(models.Model):
    """One recipient in one run. ``email`` stays when the recipient is deleted."""

    id = models.BigAutoField(primary_key=True)
    # Neither index nor check of its own: freezing a million would pay for them, and
    # deliveries are written in their run's transaction only.
    run = models.ForeignKey(
        Run,
        on_delete=models.CASCADE,
        related_name="deliveries",
        db_index=False,
        db_constraint=False,
    )
    position = models.PositiveIntegerField()
    recipient = models.ForeignKey(
        Recipient,
        on_delete=models.SET_NULL,
        null=True,
        related_name="deliveries",
        db_index=False,  # the unique index below begins with it
    )
    email = models.CharField(max_length=320)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(
                fields=["run", "position"], name="delivery_delivery_position"
            ),
            models.UniqueConstraint(
                fields=["recipient", "run"], name="delivery_delivery_once"
            ),
            models.CheckConstraint(
                condition=Q(position__gte=1), name="delivery_delivery_from_one"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} · {self.position}"


class Slice(models.Model):
    """A contiguous range of a run's deliveries: what a worker takes.

    ``cursor`` is the intent high-water mark (SMTP-22): positions up to it may have
    been put on the wire, positions beyond it certainly were not.

    ``source`` is "" for the first slices of a run, which are for everybody in their
    range.  A slice that tries again names the outcome it takes: of its range, only
    those deliveries are in it whose last attempt ended so (members.py).  It has the
    range of the first slice there, and begins only when the one before it is done.
    """

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="slices")
    first_position = models.PositiveIntegerField()
    last_position = models.PositiveIntegerField()
    cursor = models.PositiveIntegerField()
    attempt_number = models.PositiveSmallIntegerField(default=1)
    source = models.CharField(max_length=8, choices=Outcome, blank=True)
    # Of a source "failed" only those that did not fail for good.
    for_now_only = models.BooleanField(default=False)
    # How far along the retry schedule it is, and since when it is being tried.
    step = models.PositiveSmallIntegerField(default=0)
    began_at = models.DateTimeField(default=timezone.now)
    status = models.CharField(
        max_length=8, choices=SliceStatus, default=SliceStatus.READY
    )
    due_at = models.DateTimeField(default=timezone.now)
    lease_token = models.UUIDField(null=True, blank=True)
    # host|process id|the process's start: says whether the holder still lives.
    leased_by = models.CharField(max_length=200, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    # All of its recipients are at this provider; "": mixed, or at none that is known.
    provider = models.CharField(max_length=32, blank=True)
    # While it is leased: over which server, with how many connections.
    relay = models.ForeignKey(
        Relay, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    connections = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("slice")
        verbose_name_plural = _("slices")
        constraints = [
            models.UniqueConstraint(
                fields=["run", "attempt_number", "first_position"],
                name="delivery_slice_once",
            ),
            # Nobody is in two slices that could be sent at once.
            models.UniqueConstraint(
                fields=["run", "first_position"],
                condition=~Q(status=SliceStatus.DONE),
                name="delivery_slice_one_open",
            ),
            models.CheckConstraint(
                condition=Q(status__in=SliceStatus.values),
                name="delivery_slice_status_known",
            ),
            models.CheckConstraint(
                condition=Q(first_position__gte=1)
                & Q(last_position__gte=F("first_position")),
                name="delivery_slice_range",
            ),
            models.CheckConstraint(
                condition=Q(cursor__gte=F("first_position") - 1)
                & Q(cursor__lte=F("last_position")),
                name="delivery_slice_cursor_inside",
            ),
            models.CheckConstraint(
                condition=Q(
                    status=SliceStatus.LEASED,
                    lease_token__isnull=False,
                    lease_expires_at__isnull=False,
                )
                | (
                    ~Q(status=SliceStatus.LEASED)
                    & Q(lease_token=None, lease_expires_at=None)
                ),
                name="delivery_slice_lease_whole",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=~Q(status=SliceStatus.DONE),
                name="delivery_slice_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} · {self.first_position}–{self.last_position}"


class Attempt(models.Model):
    """One try to hand a delivery to the mail server, and its whole reply (SMTP-05).

    Append-only.  ``reply`` is the reply's text, lines separated by newlines, without
    the codes; ``stage`` is where it came (mailcore.smtp.session.Stage); ``reason`` is
    our own code where no server spoke (missing_data, connect_refused, …).
    """

    id = models.BigAutoField(primary_key=True)
    # A check of each would cost more than the row (0001-slices-ledger.md). Deliveries
    # are written and deleted with their run only (removal.py).
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, db_index=False, db_constraint=False
    )
    run = models.ForeignKey(
        Run,
        on_delete=models.CASCADE,
        related_name="attempts",
        db_index=False,
        db_constraint=False,
    )
    delivery = models.ForeignKey(
        Delivery,
        on_delete=models.CASCADE,
        related_name="attempts",
        db_index=False,  # the unique index below begins with it
        db_constraint=False,
    )
    number = models.PositiveSmallIntegerField(default=1)
    outcome = models.CharField(max_length=8, choices=Outcome)
    permanent = models.BooleanField(default=False)
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    enhanced_code = models.CharField(max_length=12, blank=True)
    reply = models.TextField(blank=True)
    stage = models.CharField(max_length=12, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    host = models.CharField(max_length=253, blank=True)
    peer = models.CharField(max_length=64, blank=True)
    tls = models.CharField(max_length=16, blank=True)
    queue_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField(default=0)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        constraints = [
            models.UniqueConstraint(
                fields=["delivery", "number"], name="delivery_attempt_once"
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=Outcome.values),
                name="delivery_attempt_outcome_known",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "id"], name="delivery_attempt_page"),
            models.Index(fields=["run", "id"], name="delivery_attempt_run"),
            # What people look for are the few that were not accepted.
            models.Index(
                fields=["workspace", "id"],
                condition=~Q(outcome=Outcome.ACCEPTED),
                name="delivery_attempt_troubled",
            ),
            models.Index(
                fields=["run", "outcome", "id"],
                condition=~Q(outcome=Outcome.ACCEPTED),
                name="delivery_attempt_run_troubled",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id} · {self.number} · {self.outcome}"

    @property
    def succeeded(self) -> bool:
        return self.outcome == Outcome.ACCEPTED
