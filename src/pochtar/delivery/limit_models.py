"""How fast mail may go, to whom, and over which of several SMTP servers.

Relay ─┬─ RelayQuota      what has left of late, so that limits hold over all workers
       └─ ProviderState   the same for one receiving provider, and what it taught us
Workspace ── ProviderRule   the workspace's own numbers for a provider
Sender ── SenderRelay       further servers; a run keeps its own copy: RunRelay
DomainRoute                 which provider is behind a domain, by its MX
"""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Workspace
from pochtar.delivery.relay_models import ManagedQuerySet, Relay, Sender


class RelayQuota(models.Model):
    """The limits' state (mailcore.engine.throttle), changed under this row's lock."""

    relay = models.OneToOneField(
        Relay, on_delete=models.CASCADE, primary_key=True, related_name="quota"
    )
    state = models.JSONField(default=dict)
    # A limit holds everything back until then.
    free_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("quota of an SMTP server")
        verbose_name_plural = _("quotas of SMTP servers")

    def __str__(self) -> str:
        return str(self.relay_id)


class ProviderRule(models.Model):
    """A workspace's own limits for a provider; empty ones are as in the table."""

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="provider_rules"
    )
    provider = models.CharField(max_length=32)
    connections = models.PositiveSmallIntegerField(
        _("connections at once"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
    )
    letters_per_connection = models.PositiveIntegerField(
        _("letters per connection"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
    )
    per_minute = models.PositiveIntegerField(
        _("letters a minute"), null=True, blank=True, validators=[MinValueValidator(1)]
    )

    objects = ManagedQuerySet.as_manager()

    class Meta:
        verbose_name = _("rule for a provider")
        verbose_name_plural = _("rules for providers")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "provider"], name="delivery_providerrule_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.workspace_id} · {self.provider}"


class ProviderState(models.Model):
    """How a provider took our letters of late, over one SMTP server."""

    relay = models.ForeignKey(
        Relay, on_delete=models.CASCADE, related_name="provider_states"
    )
    provider = models.CharField(max_length=32, blank=True)
    state = models.JSONField(default=dict)  # of its rate, as in RelayQuota
    learnt = models.JSONField(default=dict)  # mailcore.engine.manners.Manners
    free_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("state of a provider")
        verbose_name_plural = _("states of providers")
        constraints = [
            models.UniqueConstraint(
                fields=["relay", "provider"], name="delivery_providerstate_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.relay_id} · {self.provider}"


class DomainRoute(models.Model):
    """Which provider takes a domain's mail, by its mail exchangers."""

    domain = models.CharField(max_length=253, primary_key=True)
    provider = models.CharField(max_length=32, blank=True)
    mx = models.TextField(blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("route of a domain")
        verbose_name_plural = _("routes of domains")

    def __str__(self) -> str:
        return self.domain


class SenderRelay(models.Model):
    """A further SMTP server of a sender. ``share`` 0: only when no other works."""

    sender = models.ForeignKey(
        Sender, on_delete=models.CASCADE, related_name="further_relays"
    )
    relay = models.ForeignKey(
        Relay, on_delete=models.PROTECT, related_name="sender_shares"
    )
    share = models.PositiveSmallIntegerField(default=1)

    class Meta:
        verbose_name = _("further SMTP server of a sender")
        verbose_name_plural = _("further SMTP servers of senders")
        constraints = [
            models.UniqueConstraint(
                fields=["sender", "relay"], name="delivery_senderrelay_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sender_id} · {self.relay_id} · {self.share}"


class RunRelay(models.Model):
    """One of several SMTP servers that a run was launched with."""

    run = models.ForeignKey(
        "delivery.Run", on_delete=models.CASCADE, related_name="relay_shares"
    )
    relay = models.ForeignKey(
        Relay, on_delete=models.PROTECT, related_name="run_shares"
    )
    share = models.PositiveSmallIntegerField(default=1)

    class Meta:
        verbose_name = _("SMTP server of a run")
        verbose_name_plural = _("SMTP servers of runs")
        constraints = [
            models.UniqueConstraint(
                fields=["run", "relay"], name="delivery_runrelay_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} · {self.relay_id} · {self.share}"
