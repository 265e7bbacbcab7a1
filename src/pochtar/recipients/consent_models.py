"""Why somebody may be written to, and who must not be."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mailcore.addresses import show_domain
from pochtar.accounts.models import OwnedQuerySet, User, Workspace
from pochtar.base.fields import KeyField
from pochtar.base.ids import uuid7

SHOWN_DIGITS = 8


class Basis(models.TextChoices):
    """On what ground somebody gets mailings; without one they are unconfirmed (LAW-02)."""

    CONSENT = "consent", _("consent to mailings")
    CUSTOMER = "customer", _("customer, told that they may object")  # soft opt-in
    CONTRACT = "contract", _("contract")
    # From before there was a ledger: the business knows, the service does not.
    EARLIER = "earlier", _("known from before")


class ConsentKind(models.TextChoices):
    GIVEN = "given", _("basis stated")
    CONFIRMED = "confirmed", _("confirmed by letter")
    WITHDRAWN = "withdrawn", _("withdrawn")
    OBJECTED = "objected", _("objected")
    RESUMED = "resumed", _("withdrawal taken back")


class ConsentSource(models.TextChoices):
    PERSON = "person", _("entered by a participant")
    IMPORT = "import", _("import")
    BULK = "bulk", _("bulk action")
    LETTER = "letter", _("link in a letter")
    API = "api", _("API")


class ConsentEntry(models.Model):
    """A line of a workspace's consent ledger: append-only, chained by hash (LAW-01).

    It is about one address, or (``address_hash`` None) about the ``number`` of subjects
    that hang on it; ``digest`` then covers them.  Addresses are kept only as their keyed
    hash, so that a person can be erased without breaking the chain.
    """

    id = models.BigAutoField(primary_key=True)
    # The ledger outlives nothing and is changed by nobody: no cascade touches it.
    workspace = models.ForeignKey(
        Workspace,
        on_delete=models.DO_NOTHING,
        related_name="consent_entries",
        db_index=False,
        db_constraint=False,
    )
    sequence = models.PositiveBigIntegerField()  # 1, 2, … in the workspace
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=12, choices=ConsentKind)
    basis = models.CharField(max_length=12, choices=Basis, blank=True)
    purpose = models.CharField(max_length=40, default="mailings")
    channel = models.CharField(max_length=12, default="email")
    source = models.CharField(max_length=12, choices=ConsentSource)
    # What the source is: an import's id, a delivery, a participant's id, a URL.
    reference = models.CharField(max_length=200, blank=True)
    # What the person was shown or told, word for word, and in which language.
    wording = models.TextField(blank=True)
    language = models.CharField(max_length=8, blank=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    recorded_by = models.UUIDField(null=True)  # a participant; no key, they may go
    recipient_id = models.UUIDField(null=True)  # no key either
    address_hash = models.UUIDField(null=True)
    number = models.PositiveIntegerField(default=1)
    digest = models.CharField(max_length=64, blank=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("consent entry")
        verbose_name_plural = _("consent entries")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "sequence"], name="recipients_consent_in_order"
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "address_hash", "id"],
                condition=models.Q(address_hash__isnull=False),
                name="recipients_consent_address",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} · {self.kind}"


class ConsentHead(models.Model):
    """The end of a workspace's chain: the next entry goes behind it.

    Locked by whoever writes, so that the chain does not fork; and a chain whose last
    entries are missing does not end where this row says.
    """

    # Outlives its workspace as the entries do.
    workspace = models.OneToOneField(
        Workspace,
        on_delete=models.DO_NOTHING,
        related_name="+",
        primary_key=True,
        db_constraint=False,
    )
    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("end of a consent ledger")
        verbose_name_plural = _("ends of consent ledgers")

    def __str__(self) -> str:
        return f"{self.workspace_id} · {self.sequence}"


class ConsentSubject(models.Model):
    """One of those whom an entry for many is about."""

    id = models.BigAutoField(primary_key=True)
    entry = models.ForeignKey(
        ConsentEntry,
        on_delete=models.DO_NOTHING,
        related_name="subjects",
        db_index=False,
        db_constraint=False,
    )
    address_hash = models.UUIDField(db_index=True)
    row = models.PositiveIntegerField(default=0)  # of the imported file

    class Meta:
        verbose_name = _("consent subject")
        verbose_name_plural = _("consent subjects")

    def __str__(self) -> str:
        return f"{self.entry_id} · {self.row}"


class SuppressionReason(models.TextChoices):
    MANUAL = "manual", _("by hand")
    UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
    OBJECTED = "objected", _("objected")
    BOUNCED = "bounced", _("the mailbox does not exist")
    COMPLAINED = "complained", _("complained about spam")
    ERASED = "erased", _("erased at their wish")


class Suppression(models.Model):
    """An address, or a whole domain, that must not be written to (stop list).

    It survives the recipient: an address is known by its hash, and ``email`` is empty
    once the person has been erased.  ``Recipient.suppressed`` follows from these rows.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="suppressions", db_index=False
    )
    address_hash = models.UUIDField(null=True)
    email = models.CharField(_("e-mail"), max_length=320, blank=True)
    domain = KeyField(_("domain"), max_length=253, blank=True)  # A-labels, lower-case
    reason = models.CharField(_("reason"), max_length=12, choices=SuppressionReason)
    evidence = models.TextField(_("evidence"), max_length=1000, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("stop list entry")
        verbose_name_plural = _("stop list entries")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "address_hash"],
                name="recipients_suppression_address",
            ),
            models.UniqueConstraint(
                fields=["workspace", "domain"],
                condition=~models.Q(domain=""),
                name="recipients_suppression_domain",
            ),
            models.CheckConstraint(
                condition=models.Q(address_hash__isnull=False, domain="")
                | models.Q(address_hash=None, email="") & ~models.Q(domain=""),
                name="recipients_suppression_of_one_kind",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "id"], name="recipients_suppression_page"
            ),
        ]

    def __str__(self) -> str:
        return show_domain(self.domain) or self.email or self.digits

    @property
    def digits(self) -> str:
        """Return the beginning of the hash: enough to tell two entries apart."""
        return self.address_hash.hex[:SHOWN_DIGITS] if self.address_hash else ""
