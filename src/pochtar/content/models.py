"""What is sent."""

from __future__ import annotations

import re
from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import OwnedQuerySet, User, Workspace
from pochtar.base.ids import uuid7


class MessageQuerySet(OwnedQuerySet):
    def matching(self, text: str) -> Self:
        """Return those whose subject has the text in it, whatever the case.

        A regular expression, because SQLite's LIKE folds only ASCII and its REGEXP is
        Python's; a workspace has hundreds of messages, not millions.
        """
        return self.filter(subject__iregex=re.escape(text))


class Message(models.Model):
    """A letter with merge fields. A launched mailing keeps its own frozen copy."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="messages"
    )
    subject = models.CharField(_("subject"), max_length=500)
    preheader = models.CharField(_("preheader"), max_length=150, blank=True)
    html = models.TextField(_("body"), blank=True)
    text = models.TextField(
        _("plain-text part"),
        blank=True,
        help_text=_("Empty: made from the body automatically."),
    )
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, editable=False
    )
    created_at = models.DateTimeField(
        _("created"), default=timezone.now, editable=False
    )
    updated_at = models.DateTimeField(
        _("changed"), default=timezone.now, editable=False
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(subject=""), name="content_message_has_subject"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "id"], name="content_message_page"),
            models.Index(
                fields=["workspace", "updated_at", "id"], name="content_message_recent"
            ),
        ]

    def __str__(self) -> str:
        return self.subject
