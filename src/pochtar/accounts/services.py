"""What can be done with people and workspaces."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import AuditEntry, Membership, Role, User, Workspace
from pochtar.base.errors import Conflict, InvalidInput, NotAllowed


def role_of(user: User, workspace: Workspace | UUID) -> Role | None:
    """Return the person's role in the workspace, or None for a stranger."""
    pk = workspace if isinstance(workspace, UUID) else workspace.pk
    role = (
        Membership.objects.filter(user=user, workspace_id=pk)
        .values_list("role", flat=True)
        .first()
    )
    return Role(role) if role else None


def require_role(user: User, workspace: Workspace | UUID, lowest: Role) -> None:
    """Raise NotAllowed unless the person may do what ``lowest`` may."""
    role = role_of(user, workspace)
    if role is None or not role.at_least(lowest):
        raise NotAllowed(
            "role_too_low",
            _("Your role in this workspace does not allow this."),
            details={"needed": lowest.value},
        )


def write_audit(
    workspace: Workspace,
    *,
    by: User | None,
    verb: str,
    subject: models.Model,
    **details: Any,
) -> None:
    """Add a line to the workspace's audit log (inside the caller's transaction)."""
    AuditEntry.objects.create(
        workspace=workspace,
        user=by,
        verb=verb,
        subject=subject._meta.model_name or "",
        subject_id=str(subject.pk),
        details=details,
    )


@transaction.atomic
def open_workspace(*, name: str, owner: User, time_zone: str = "") -> Workspace:
    """Create a workspace; the person becomes its owner."""
    workspace = Workspace(name=clean_name(name))
    if time_zone:
        workspace.time_zone = time_zone
    check_fields(workspace, "name", "time_zone")
    workspace.save()
    add_participant(workspace, user=owner, role=Role.OWNER)
    write_audit(workspace, by=owner, verb="workspace_opened", subject=workspace)
    return workspace


@transaction.atomic
def change_workspace(
    workspace: Workspace, *, by: User, name: str, time_zone: str
) -> Workspace:
    """Rename the workspace or move it to another time zone (owners)."""
    require_role(by, workspace, Role.OWNER)
    before = {"name": workspace.name, "time_zone": workspace.time_zone}
    wanted = Workspace(name=clean_name(name), time_zone=time_zone)
    check_fields(wanted, "name", "time_zone")
    workspace.name, workspace.time_zone = wanted.name, wanted.time_zone
    workspace.save(update_fields=["name", "time_zone"])
    write_audit(
        workspace, by=by, verb="workspace_changed", subject=workspace, before=before
    )
    return workspace


def note_departure(workspace: Workspace | UUID) -> None:
    """Let whoever is sending look again at whom they have read.

    In the transaction that lets recipients leave: the row's lock puts such
    transactions in a line, so that a later commit never hides behind an earlier one.
    """
    pk = workspace if isinstance(workspace, UUID) else workspace.pk
    Workspace.objects.filter(pk=pk).update(departures=F("departures") + 1)


@transaction.atomic
def add_participant(workspace: Workspace, *, user: User, role: Role) -> Membership:
    """Let a person take part; raise Conflict for somebody who already does."""
    try:
        with transaction.atomic():
            return Membership.objects.create(workspace=workspace, user=user, role=role)
    except IntegrityError as error:
        raise Conflict(
            "already_participant", _("This person already takes part in the workspace.")
        ) from error


@transaction.atomic
def change_role(membership: Membership, *, by: User, role: Role) -> Membership:
    """Give a participant another role; a workspace keeps at least one owner."""
    require_role(by, membership.workspace, Role.OWNER)
    # The owners are locked, so that two owners cannot demote each other at once.
    owners = list(
        Membership.objects.select_for_update()
        .filter(workspace=membership.workspace, role=Role.OWNER)
        .values_list("pk", flat=True)
    )
    if owners == [membership.pk] and role != Role.OWNER:
        raise Conflict("last_owner", _("A workspace needs at least one owner."))
    membership.role = role
    membership.save(update_fields=["role"])
    write_audit(
        membership.workspace, by=by, verb="role_changed", subject=membership, role=role
    )
    return membership


@transaction.atomic
def change_profile(user: User, *, name: str, language: str) -> User:
    """Change how the person is called and which language they read."""
    wanted = User(name=name.strip(), language=language)
    check_fields(wanted, "name", "language")
    user.name, user.language = wanted.name, wanted.language
    user.save(update_fields=["name", "language"])
    return user


def choose_language(user: User, language: str) -> User:
    """Remember which language the person reads."""
    check_fields(User(language=language), "language")
    User.objects.filter(pk=user.pk).update(language=language)
    user.language = language
    return user


@transaction.atomic
def trust_address(user: User) -> None:
    """Take the address of a person made by an operator for confirmed.

    Somebody who registered has an ``EmailAddress`` row already: nothing changes.
    """
    if not EmailAddress.objects.filter(user=user).exists():
        EmailAddress.objects.create(
            user=user, email=user.email.lower(), verified=True, primary=True
        )


def check_fields(row: models.Model, *names: str) -> None:
    """Raise InvalidInput for the first of the named fields that the model refuses."""
    others = {field.name for field in row._meta.fields} - set(names)
    try:
        row.clean_fields(exclude=others)
    except ValidationError as error:
        field, problems = next(iter(error.message_dict.items()))
        raise InvalidInput("invalid", problems[0], field=field) from error


def clean_name(name: str) -> str:
    """Return the workspace's name without white space around; refuse an empty one."""
    name = " ".join(name.split())
    if not name:
        raise InvalidInput("name_empty", _("Give the workspace a name."), field="name")
    return name
