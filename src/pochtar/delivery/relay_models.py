"""Where mail is handed over, and whom it comes from."""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import OwnedQuerySet, Role, Workspace
from pochtar.base.ids import uuid7


class RelayKind(models.TextChoices):
    SANDBOX = "sandbox", _("Sandbox")  # the built-in catcher: one a workspace
    SMTP = "smtp", _("SMTP server")


class RelayTls(models.TextChoices):
    """How the connection is protected (SMTP-02); values are mailcore's TlsMode."""

    STARTTLS = "starttls", _("STARTTLS, required")
    IMPLICIT = "implicit", _("TLS from the start")
    OPPORTUNISTIC = "opportunistic", _("STARTTLS if the server offers it")
    NONE = "none", _("No encryption")


class ManagedQuerySet(OwnedQuerySet):
    """SMTP servers and senders: managers change them."""

    edit_role = Role.MANAGER


def _limit(label: Any) -> models.PositiveIntegerField[int | None, int | None]:
    return models.PositiveIntegerField(
        label, null=True, blank=True, validators=[MinValueValidator(1)]
    )


class Relay(models.Model):
    """Where mail is handed over. The password is sealed and write-only (SEC-23)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="relays"
    )
    kind = models.CharField(max_length=16, choices=RelayKind, default=RelayKind.SMTP)
    name = models.CharField(_("server name"), max_length=120)
    host = models.CharField(_("host"), max_length=253, blank=True)
    port = models.PositiveIntegerField(
        _("port"),
        default=587,
        validators=[MinValueValidator(1), MaxValueValidator(65535)],
    )
    tls = models.CharField(
        _("encryption"), max_length=16, choices=RelayTls, default=RelayTls.STARTTLS
    )
    username = models.CharField(_("login"), max_length=254, blank=True)
    password_sealed = models.TextField(blank=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    check_ok = models.BooleanField(null=True, editable=False)
    check_text = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Limits, over all workers; empty: none.
    max_connections = models.PositiveSmallIntegerField(
        _("connections at once"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
    )
    messages_per_connection = models.PositiveIntegerField(
        _("letters per connection"), default=100, validators=[MinValueValidator(1)]
    )
    per_second = _limit(_("letters a second"))
    per_minute = _limit(_("letters a minute"))
    per_hour = _limit(_("letters an hour"))
    per_day = _limit(_("letters a day"))
    # While the plan lasts, each provider gets so many a day (PRV-04).
    warmup_started_on = models.DateField(_("warm-up since"), null=True, blank=True)
    warmup_plan = models.JSONField(_("warm-up plan"), default=list, blank=True)
    # Set aside after trouble, for longer each time (SMTP-15).
    down_until = models.DateTimeField(null=True, blank=True, editable=False)
    down_count = models.PositiveSmallIntegerField(default=0, editable=False)
    down_code = models.CharField(max_length=40, blank=True, editable=False)

    objects = ManagedQuerySet.as_manager()

    class Meta:
        verbose_name = _("SMTP server")
        verbose_name_plural = _("SMTP servers")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"], name="delivery_relay_name_unique"
            ),
            models.UniqueConstraint(
                fields=["workspace"],
                condition=Q(kind=RelayKind.SANDBOX),
                name="delivery_relay_one_sandbox",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=RelayKind.values), name="delivery_relay_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(tls__in=RelayTls.values), name="delivery_relay_tls_known"
            ),
            models.CheckConstraint(
                condition=Q(port__gte=1, port__lte=65535), name="delivery_relay_port"
            ),
            models.CheckConstraint(
                condition=Q(kind=RelayKind.SANDBOX) | ~Q(host=""),
                name="delivery_relay_has_host",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_sandbox(self) -> bool:
        return self.kind == RelayKind.SANDBOX


class Sender(models.Model):
    """Whom a letter comes from, and the SMTP server that takes it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="senders"
    )
    from_name = models.CharField(_("From name"), max_length=120, blank=True)
    from_email = models.CharField(_("From address"), max_length=320)
    reply_to = models.CharField(_("Reply-to address"), max_length=320, blank=True)
    relay = models.ForeignKey(
        Relay,
        on_delete=models.PROTECT,
        related_name="senders",
        verbose_name=_("SMTP server"),
    )
    # How much of the mail goes over ``relay``, beside the further ones.
    share = models.PositiveSmallIntegerField(_("share"), default=1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ManagedQuerySet.as_manager()

    class Meta:
        verbose_name = _("sender")
        verbose_name_plural = _("senders")
        constraints = [
            models.CheckConstraint(
                condition=~Q(from_email=""), name="delivery_sender_addressed"
            ),
        ]

    def __str__(self) -> str:
        return (
            f"{self.from_name} <{self.from_email}>"
            if self.from_name
            else self.from_email
        )
