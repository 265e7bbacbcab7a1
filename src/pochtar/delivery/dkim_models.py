"""The keys that sign a workspace's letters, domain by domain."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mailcore.dkim import Algorithm
from mailcore.dkim_keys import RecordState, record_text, split_text
from pochtar.accounts.models import Workspace
from pochtar.base.ids import uuid7
from pochtar.delivery.relay_models import ManagedQuerySet

FRESH = dt.timedelta(hours=1)
STRONG_BITS = 2048


class DkimState(models.TextChoices):
    """new → active, when DNS shows it; then replaced by the next one, and retired."""

    NEW = "new", _("waiting for DNS")
    ACTIVE = "active", _("signs letters")
    REPLACED = "replaced", _("replaced")  # letters under way still need its record
    RETIRED = "retired", _("retired")  # its private half is gone


class DkimAlgorithm(models.TextChoices):
    """Values are mailcore's Algorithm."""

    RSA = Algorithm.RSA.value, _("RSA")
    ED25519 = Algorithm.ED25519.value, _("Ed25519")


class DkimVerdict(models.TextChoices):
    """What DNS showed when it last answered; values are mailcore's RecordState."""

    MATCHES = RecordState.MATCHES.value, _("published")
    MISSING = RecordState.MISSING.value, _("no record")
    SEVERAL = RecordState.SEVERAL.value, _("several records")
    BROKEN = RecordState.BROKEN.value, _("broken record")
    REVOKED = RecordState.REVOKED.value, _("record without a key")
    OTHER_KEY = RecordState.OTHER_KEY.value, _("another key")


class DkimKey(models.Model):
    """One key pair. The private half is sealed and write-only (SEC-23).

    ``checked_at`` and ``verdict`` are of the last time that DNS answered, ``asked_at``
    and ``trouble`` of the last time that it was asked.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="dkim_keys"
    )
    domain = models.CharField(_("domain"), max_length=253)  # A-labels, lower case
    selector = models.CharField(_("selector"), max_length=63)
    algorithm = models.CharField(
        _("algorithm"),
        max_length=16,
        choices=DkimAlgorithm,
        default=DkimAlgorithm.RSA,
    )
    bits = models.PositiveSmallIntegerField(default=STRONG_BITS)
    private_sealed = models.TextField(blank=True, editable=False)
    public_key = models.TextField(editable=False)
    state = models.CharField(
        max_length=8, choices=DkimState, default=DkimState.NEW, editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    asked_at = models.DateTimeField(null=True, blank=True, editable=False)
    trouble = models.CharField(max_length=16, blank=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    verdict = models.CharField(
        max_length=16, choices=DkimVerdict, blank=True, editable=False
    )
    found = models.TextField(blank=True, editable=False)

    objects = ManagedQuerySet.as_manager()

    class Meta:
        verbose_name = _("DKIM key")
        verbose_name_plural = _("DKIM keys")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "domain", "selector"],
                name="delivery_dkimkey_once",
            ),
            models.UniqueConstraint(
                fields=["workspace", "domain", "algorithm"],
                condition=Q(state=DkimState.ACTIVE),
                name="delivery_dkimkey_one_active",
            ),
            models.CheckConstraint(
                condition=Q(state__in=DkimState.values),
                name="delivery_dkimkey_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state=DkimState.RETIRED, private_sealed="")
                | (~Q(state=DkimState.RETIRED) & ~Q(private_sealed="")),
                name="delivery_dkimkey_private_until_retired",
            ),
        ]

    def __str__(self) -> str:
        return self.record_name

    @property
    def record_name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The TXT value to publish."""
        return record_text(Algorithm(self.algorithm), self.public_key)

    @property
    def record_strings(self) -> list[str]:
        """The same in strings of at most 255 octets (DKIM-01)."""
        return split_text(self.record)

    @property
    def is_new(self) -> bool:
        return self.state == DkimState.NEW

    @property
    def is_active(self) -> bool:
        return self.state == DkimState.ACTIVE

    @property
    def is_weak(self) -> bool:
        return self.algorithm == DkimAlgorithm.RSA and self.bits < STRONG_BITS

    @property
    def is_mismatched(self) -> bool:
        """Whether receivers find something else than this key (DKIM-07)."""
        return bool(self.verdict) and self.verdict != DkimVerdict.MATCHES

    def is_fresh(self, now: dt.datetime) -> bool:
        """Whether DNS was asked lately enough to start a mailing."""
        return self.asked_at is not None and self.asked_at > now - FRESH
