"""People, the businesses whose data they share, and what each may do there."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import (
    AbstractBaseUser,
    BaseUserManager,
    PermissionsMixin,
)
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.base.ids import uuid7


class Role(models.TextChoices):
    """What a participant may do; each role may do all that the ones before it may."""

    VIEWER = "viewer", _("Viewer")  # reads everything
    EDITOR = "editor", _("Editor")  # recipients, lists, messages, mailings
    MANAGER = "manager", _("Manager")  # launches; SMTP servers and senders
    OWNER = "owner", _("Owner")  # the workspace itself

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def at_least(self, other: Role) -> bool:
        return self.rank >= other.rank

    @classmethod
    def from_rank(cls, lowest: Role) -> list[Role]:
        """Return the roles that may do what ``lowest`` may."""
        return [role for role in cls if role.at_least(lowest)]


class UserManager(BaseUserManager["User"]):
    """Creates people; the address is the login."""

    def create_user(
        self, email: str, password: str | None = None, **fields: Any
    ) -> User:
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, email: str, password: str | None = None, **fields: Any
    ) -> User:
        return self.create_user(
            email, password, **{**fields, "is_staff": True, "is_superuser": True}
        )

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who logs in. ``email`` is confirmed before the first login."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(_("e-mail"), max_length=254, unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    language = models.CharField(
        _("language"), max_length=8, choices=settings.LANGUAGES, blank=True, default=""
    )
    is_staff = models.BooleanField(
        _("staff"), default=False, help_text=_("May open the administration pages.")
    )
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(_("registered"), default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(Lower("email"), name="accounts_user_email_unique"),
        ]

    def __str__(self) -> str:
        return self.name or self.email


class WorkspaceQuerySet(models.QuerySet["Workspace"]):
    def visible_to(self, user: User) -> Self:
        """Return the workspaces that the person takes part in."""
        return self.filter(memberships__user=user)

    def editable_by(self, user: User) -> Self:
        """Return those whose name, time zone and participants the person may change."""
        return self.filter(memberships__user=user, memberships__role=Role.OWNER)


def validate_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(
            _("There is no time zone “%(name)s”."), params={"name": name}
        )


class Workspace(models.Model):
    """A business: every row of the product belongs to exactly one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("workspace name"), max_length=120)
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default=settings.TIME_ZONE,
        validators=[validate_time_zone],
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Goes up whenever recipients leave: whoever has read them looks again (MSG-25).
    departures = models.PositiveBigIntegerField(default=0, editable=False)
    participants = models.ManyToManyField(
        User, through="Membership", related_name="workspaces"
    )

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        verbose_name = _("workspace")
        verbose_name_plural = _("workspaces")
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(name=""), name="accounts_workspace_named"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tz(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(workspace__memberships__user=user)


class Membership(models.Model):
    """One person's part in one workspace."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="memberships"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=16, choices=Role)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "user"], name="accounts_membership_once"
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values),
                name="accounts_membership_role_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()}"


class OwnedQuerySet(models.QuerySet[Any]):
    """Rows that belong to a workspace: the only way in for an edge.

    ``edit_role`` is the lowest role that may change the rows of this kind.
    """

    edit_role: ClassVar[Role] = Role.EDITOR

    def visible_to(self, user: User) -> Self:
        """Return the rows of every workspace that the person takes part in."""
        return self.filter(workspace__memberships__user=user)

    def editable_by(self, user: User) -> Self:
        """Return the rows that the person's role lets them change."""
        return self._with_roles(user, Role.from_rank(self.edit_role))

    def _with_roles(self, user: User, roles: Iterable[Role]) -> Self:
        # One filter() call: the same membership must match both conditions.
        return self.filter(
            workspace__memberships__user=user, workspace__memberships__role__in=roles
        )

    def of(self, workspace: Workspace) -> Self:
        """Return the rows of one workspace."""
        return self.filter(workspace=workspace)


class AuditEntry(models.Model):
    """Who changed what, and when. Append-only; ``details`` never holds a secret."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="audit_entries"
    )
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    verb = models.CharField(max_length=64)
    subject = models.CharField(max_length=64, blank=True)
    subject_id = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes = [
            models.Index(fields=["workspace", "-id"], name="accounts_audit_page"),
            # What happened to one thing: a line of a recipient's page.
            models.Index(fields=["subject_id", "-id"], name="accounts_audit_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"
