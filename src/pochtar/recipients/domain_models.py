"""What DNS says of the domains that recipients have."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pochtar.base.fields import KeyField


class DomainVerdict(models.TextChoices):
    UNKNOWN = "unknown", _("not known yet")  # not asked, or DNS did not answer
    MAIL = "mail", _("takes mail")
    NO_SERVER = "no_server", _("has no mail server")
    NULL_MX = "null_mx", _("says that it takes no mail")  # RFC 7505
    MISSING = "missing", _("there is no such domain")


class DomainHealth(models.Model):
    """The verdict on a domain; it is nobody's secret, so all workspaces share it."""

    domain = KeyField(max_length=253, primary_key=True)  # A-labels, lower-case
    verdict = models.CharField(
        max_length=10, choices=DomainVerdict, default=DomainVerdict.UNKNOWN
    )
    checked_at = models.DateTimeField(null=True)  # null: waits to be asked about

    class Meta:
        verbose_name = _("verdict on a domain")
        verbose_name_plural = _("verdicts on domains")
        indexes = [
            models.Index(fields=["checked_at"], name="recipients_domain_due"),
        ]

    def __str__(self) -> str:
        return f"{self.domain} · {self.verdict}"

    @property
    def takes_no_mail(self) -> bool:
        return self.verdict in {
            DomainVerdict.NO_SERVER,
            DomainVerdict.NULL_MX,
            DomainVerdict.MISSING,
        }


class DomainWalk(models.Model):
    """How far the recipients have been looked through for new domains: one row."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    last_recipient = models.UUIDField(null=True)

    class Meta:
        verbose_name = _("walk through the domains")
        verbose_name_plural = _("walks through the domains")

    def __str__(self) -> str:
        return str(self.last_recipient or "")
