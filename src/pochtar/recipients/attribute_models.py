"""The attributes of a workspace's recipients: a key, a name, a type."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import OwnedQuerySet, Workspace
from pochtar.base.ids import uuid7


class AttributeType(models.TextChoices):
    """What a value may be; every value is stored as text (attribute_values.py)."""

    TEXT = "text", _("text")
    NUMBER = "number", _("number")
    DATE = "date", _("date")
    YES_NO = "yes_no", _("yes or no")
    CHOICE = "choice", _("one of several")
    CHOICES = "choices", _("several of several")


class Attribute(models.Model):
    """A key that the attributes of a workspace's recipients use (a merge field)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="attributes"
    )
    key = models.CharField(_("key"), max_length=50)
    # What the pages call it; "" = the key itself.
    name = models.CharField(_("attribute name"), max_length=80, blank=True)
    type = models.CharField(
        _("type"), max_length=8, choices=AttributeType, default=AttributeType.TEXT
    )
    options = models.JSONField(_("options"), default=list, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("attribute")
        verbose_name_plural = _("attributes")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "key"], name="recipients_attribute_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(type__in=AttributeType.values),
                name="recipients_attribute_type_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.key
