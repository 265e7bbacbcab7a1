"""A saved rule that says who is in a group today."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import OwnedQuerySet, User, Workspace
from pochtar.base.ids import uuid7


class Segment(models.Model):
    """A named rule; whom it finds is asked anew each time (``segments.py``)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="segments"
    )
    name = models.CharField(_("segment name"), max_length=120)
    # The rule tree as ``mailcore.segments`` writes it.
    rule = models.JSONField()
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"], name="recipients_segment_name_unique"
            ),
            models.CheckConstraint(
                condition=~models.Q(name=""), name="recipients_segment_named"
            ),
        ]

    def __str__(self) -> str:
        return self.name
