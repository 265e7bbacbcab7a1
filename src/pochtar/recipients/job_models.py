"""A change of many recipients, remembered well enough to go on with and to undo."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pochtar.recipients.work_models import Work, WorkState


class JobKind(models.TextChoices):
    ADD = "add", _("add to a list")
    REMOVE = "remove", _("remove from a list")
    ATTRIBUTE = "attribute", _("set an attribute")
    BASIS = "basis", _("state a basis")
    STOP = "stop", _("stop writing")
    DELETE = "delete", _("delete")


class JobStep(models.TextChoices):
    CHOOSING = "choosing", _("being chosen")  # who is meant is written down
    APPLYING = "applying", _("being changed")
    UNDOING = "undoing", _("being undone")
    UNDONE = "undone", _("undone")


ENDED = (WorkState.DONE, WorkState.FAILED, WorkState.CANCELLED)


class BulkJob(Work):
    """One change, of all whom a selection found at the time.

    ``selection``: how they were found (selections.py).  ``wish``: what is to be done:
    list and its name; key and value; basis and
    wording; evidence.  ``cursor`` is the position that it has come to; ``changed`` and ``returned`` count what was
    done and taken back, ``kept`` what an undo left because it had changed since.
    """

    kind = models.CharField(max_length=10, choices=JobKind)
    step = models.CharField(max_length=10, choices=JobStep, default=JobStep.CHOOSING)
    selection = models.JSONField(default=dict)
    wish = models.JSONField(default=dict)
    selected = models.PositiveBigIntegerField(default=0)
    cursor = models.PositiveBigIntegerField(default=0)
    changed = models.PositiveBigIntegerField(default=0)
    returned = models.PositiveBigIntegerField(default=0)
    kept = models.PositiveBigIntegerField(default=0)
    # Who was meant is forgotten after a while; then nothing can be undone.
    forgotten = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("bulk action")
        verbose_name_plural = _("bulk actions")
        indexes = [
            models.Index(fields=["workspace", "-id"], name="recipients_job_page"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} · {self.pk}"

    @property
    def can_be_undone(self) -> bool:
        """Say whether something was changed that can be changed back."""
        return (
            self.kind != JobKind.DELETE
            and self.state in ENDED
            and self.step in {JobStep.APPLYING, JobStep.UNDOING}
            and self.changed > 0
            and not self.forgotten
        )


class BulkItem(models.Model):
    """One of those who were selected, by position 1..N.

    ``before`` is None until they have been changed, then what was there before.  No key to
    the recipient: they may be deleted, which is no reason to look here.
    """

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(
        BulkJob, on_delete=models.CASCADE, related_name="items", db_index=False
    )
    position = models.PositiveBigIntegerField()
    recipient_id = models.UUIDField()
    before = models.JSONField(null=True)

    class Meta:
        verbose_name = _("selected recipient")
        verbose_name_plural = _("selected recipients")
        constraints = [
            models.UniqueConstraint(
                fields=["job", "position"], name="recipients_item_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} · {self.position}"
