"""The permission to send over a mailbox that OAuth 2 gave us."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from pochtar.delivery.relay_models import Relay


class RelayOAuth(models.Model):
    """Where an SMTP server's access tokens come from; without this row: a password.

    Secrets are sealed and write-only (SEC-23).  The access token is kept here too, so
    that all workers share it.
    """

    relay = models.OneToOneField(
        Relay, on_delete=models.CASCADE, related_name="oauth", primary_key=True
    )
    oauth_url = models.CharField(max_length=500)
    client_id = models.CharField(max_length=300)
    client_secret_sealed = models.TextField(blank=True)  # some applications have none
    refresh_token_sealed = models.TextField()
    scope = models.CharField(max_length=500, blank=True)
    access_token_sealed = models.TextField(blank=True)
    access_from = models.DateTimeField(null=True, blank=True)
    access_until = models.DateTimeField(null=True, blank=True)
    # Somebody is fetching one: two at once could cost us the permission where each
    # refresh token counts once.
    fetching_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(oauth_url__startswith="https://"),
                name="delivery_relayoauth_https",
            ),
            models.CheckConstraint(
                condition=~Q(client_id="") & ~Q(refresh_token_sealed=""),
                name="delivery_relayoauth_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.oauth_url
