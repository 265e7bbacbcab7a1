"""Letters that the built-in mail catcher took."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import OwnedQuerySet, Role, User, Workspace
from pochtar.base.ids import uuid7


class CapturedMessageQuerySet(OwnedQuerySet):
    edit_role = Role.MANAGER

    def visible_to(self, user: User) -> Self:
        """Return the letters of the person's workspaces; staff see the system's too."""
        mine = models.Q(workspace__memberships__user=user)
        if user.is_staff:
            mine |= models.Q(workspace=None)
        return self.filter(mine)

    def editable_by(self, user: User) -> Self:
        """Return the letters that the person may delete."""
        managed = models.Q(
            workspace__memberships__user=user,
            workspace__memberships__role__in=Role.from_rank(self.edit_role),
        )
        if user.is_staff:
            managed |= models.Q(workspace=None)
        return self.filter(managed)

    def of_system(self) -> Self:
        """Return the letters of the product itself: registration, passwords."""
        return self.filter(workspace=None)

    def sent_to(self, address: str) -> Self:
        return self.filter(rcpt_to__iexact=address)

    def search(self, text: str) -> Self:
        """Return the letters with every word in an address or in the subject."""
        found = self
        for word in text.lower().split()[:10]:
            found = found.filter(search_key__contains=word)
        return found

    def headlines(self) -> Self:
        """Leave the content where it is: a list shows none of it."""
        return self.defer("raw", "search_key")


class CapturedMessage(models.Model):
    """A letter as it came over SMTP. ``workspace`` is None for the system's letters."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="captured_messages",
    )
    received_at = models.DateTimeField(default=timezone.now, editable=False)
    mail_from = models.CharField(max_length=320, blank=True)
    rcpt_to = models.CharField(max_length=320)
    from_header = models.CharField(max_length=500, blank=True)
    subject = models.CharField(max_length=1000, blank=True)
    message_id = models.CharField(max_length=255, blank=True)
    # Lower-case addresses and subject in one column, for the search box.
    search_key = models.TextField(blank=True)
    size = models.PositiveIntegerField()
    raw = models.BinaryField()

    objects = CapturedMessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("captured letter")
        verbose_name_plural = _("captured letters")
        indexes = [
            models.Index(fields=["workspace", "id"], name="sandbox_captured_page"),
            models.Index(fields=["message_id"], name="sandbox_captured_message_id"),
        ]

    def __str__(self) -> str:
        return self.subject or self.message_id
