"""What can be done with a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.base.locking import delete_locked
from pochtar.recipients.cleaning import capped, has_control
from pochtar.recipients.models import RecipientList

LONGEST_NAME = 120
LONGEST_DESCRIPTION = 300


def create_list(
    workspace: Workspace, *, by: User, name: str, description: str = ""
) -> RecipientList:
    """Make an empty list; two lists of a workspace do not share a name."""
    require_role(by, workspace, Role.EDITOR)
    row = RecipientList(workspace=workspace)
    _fill(row, name=name, description=description)
    with transaction.atomic():
        _write(row)
        write_audit(workspace, by=by, verb="list_created", subject=row)
    return row


def change_list(
    row: RecipientList, *, by: User, name: str, description: str
) -> RecipientList:
    """Rename the list; its recipients stay."""
    require_role(by, row.workspace, Role.EDITOR)
    _fill(row, name=name, description=description)
    with transaction.atomic():
        _write(row)
        write_audit(row.workspace, by=by, verb="list_changed", subject=row)
    return row


@transaction.atomic
def delete_list(
    row: RecipientList,
    *,
    by: User,
    waiting_mailings: Callable[[RecipientList], Sequence[str]],
) -> None:
    """Delete the list, not its recipients.

    A mailing that has yet to start and is meant for the list would quietly reach fewer
    people: Conflict.  Mailings lie above us, so the caller tells how to find their names.
    """
    require_role(by, row.workspace, Role.EDITOR)
    if names := waiting_mailings(row):
        raise Conflict(
            "list_in_use",
            _(
                "A mailing that has not been launched is meant for this list. "
                "Change or delete the mailing first."
            ),
            details={"mailings": list(names)},
        )
    write_audit(row.workspace, by=by, verb="list_deleted", subject=row, name=row.name)
    delete_locked(RecipientList.objects.filter(pk=row.pk))


def _fill(row: RecipientList, *, name: str, description: str) -> None:
    row.name = _clean(name, LONGEST_NAME, field="name")
    row.description = _clean(description, LONGEST_DESCRIPTION, field="description")
    if not row.name:
        raise InvalidInput("name_empty", _("Give the list a name."), field="name")


def _clean(text: str, longest: int, *, field: str) -> str:
    text = text.strip()
    if has_control(text):
        raise InvalidInput(
            "control_character",
            _("The text contains a line break or another control character."),
            field=field,
        )
    return capped(text, longest, field=field)


def _write(row: RecipientList) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        other = RecipientList.objects.of(row.workspace).filter(name=row.name).first()
        raise InvalidInput(
            "list_exists",
            _("There is a list with this name already."),
            field="name",
            details={"list": other},
        ) from error
