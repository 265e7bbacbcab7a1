"""The ledger, counted minute by minute."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import OwnedQuerySet, Workspace


class Tally(models.Model):
    """How many attempts of a run ended in which way, minute by minute.

    Written in the same transaction as the attempts it counts, so that progress, rate
    and the home page's chart never count a million rows.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_index=False)
    run = models.ForeignKey(
        "delivery.Run", on_delete=models.CASCADE, related_name="tallies"
    )
    minute = models.DateTimeField()
    accepted = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    deferred = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    # How many of these attempts were made at deliveries that stood there before.
    from_deferred = models.PositiveIntegerField(default=0)
    from_failed = models.PositiveIntegerField(default=0)
    from_unknown = models.PositiveIntegerField(default=0)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("tally")
        verbose_name_plural = _("tallies")
        constraints = [
            models.UniqueConstraint(
                fields=["run", "minute"], name="delivery_tally_once"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "minute"], name="delivery_tally_chart"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} · {self.minute:%Y-%m-%d %H:%M}"
