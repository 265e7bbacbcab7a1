"""Work on many recipients that a worker does in the background."""

from __future__ import annotations

import datetime as dt
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import OwnedQuerySet, User, Workspace
from pochtar.base.ids import uuid7


class WorkState(models.TextChoices):
    IDLE = "idle", _("waits for you")  # a person has to decide first
    WAITING = "waiting", _("waits for its turn")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class WorkQuerySet(OwnedQuerySet):
    def free(self, now: dt.datetime) -> Self:
        """Return the work that nobody does now: new, or left behind by a dead worker."""
        open_ = self.filter(state__in=[WorkState.WAITING, WorkState.RUNNING])
        return open_.filter(Q(lease_until=None) | Q(lease_until__lt=now))


class Work(models.Model):
    """What is done in batches, each a transaction that moves the place along.

    A worker holds the row by a lease (work.py).  One that dies leaves ``lease_until``
    behind; after it another one goes on from the last committed batch.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="%(class)ss"
    )
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    state = models.CharField(
        max_length=10, choices=WorkState, default=WorkState.WAITING
    )
    # Of the phase that is running: how much there is, how much is done, since when.
    total = models.PositiveBigIntegerField(default=0)
    done = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    error = models.CharField(max_length=40, blank=True)  # code of what stopped it

    objects = WorkQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def is_active(self) -> bool:
        return self.state in {WorkState.WAITING, WorkState.RUNNING}

    def rate(self, now: dt.datetime) -> float:
        """Return the rows a second of the running phase, 0 when not known yet."""
        if not (self.started_at and self.done):
            return 0.0
        seconds = ((self.finished_at or now) - self.started_at).total_seconds()
        return self.done / seconds if seconds > 0 else 0.0

    def seconds_left(self, now: dt.datetime) -> float | None:
        """Return how long it will still take, None when that cannot be said."""
        rate = self.rate(now)
        return (self.total - self.done) / rate if rate and self.total else None
