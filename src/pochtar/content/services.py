"""What can be done with a message.

The merge fields that a message may use are those of the recipients, whom this app does
not know: callers pass their names.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import Conflict
from pochtar.content.checks import (
    Draft,
    clean_draft,
    draft_of,
    find_problems,
)
from pochtar.content.models import Message


@transaction.atomic
def create_message(
    workspace: Workspace, draft: Draft, *, names: Collection[str], by: User
) -> Message:
    """Write a message down; InvalidInput says what is wrong, and where."""
    require_role(by, workspace, Role.EDITOR)
    draft = _checked(draft, names)
    message = Message.objects.create(
        workspace=workspace, created_by=by, **asdict(draft)
    )
    write_audit(workspace, by=by, verb="message_created", subject=message)
    return message


@transaction.atomic
def change_message(
    message: Message, draft: Draft, *, names: Collection[str], by: User
) -> Message:
    """Change a message; what was launched already keeps its own copy."""
    require_role(by, message.workspace, Role.EDITOR)
    values = asdict(_checked(draft, names)) | {"updated_at": timezone.now()}
    if not Message.objects.filter(pk=message.pk).update(**values):
        raise Conflict("message_gone", _("This message has been deleted."))
    for name, value in values.items():
        setattr(message, name, value)
    write_audit(message.workspace, by=by, verb="message_changed", subject=message)
    return message


@transaction.atomic
def duplicate_message(message: Message, *, by: User) -> Message:
    """Copy a message as it is: a subject with "(copy)" might be sent by mistake."""
    require_role(by, message.workspace, Role.EDITOR)
    copy = Message.objects.create(
        workspace=message.workspace, created_by=by, **asdict(draft_of(message))
    )
    write_audit(
        message.workspace,
        by=by,
        verb="message_duplicated",
        subject=copy,
        of=str(message.pk),
    )
    return copy


@transaction.atomic
def delete_message(message: Message, *, by: User) -> None:
    """Delete a message; raise Conflict while a mailing uses it."""
    require_role(by, message.workspace, Role.EDITOR)
    try:
        with transaction.atomic():
            write_audit(
                message.workspace,
                by=by,
                verb="message_deleted",
                subject=message,
                title=message.subject,
            )
            message.delete()
    except ProtectedError as error:
        raise _in_use(len(error.protected_objects)) from error


def _checked(draft: Draft, names: Collection[str]) -> Draft:
    draft = clean_draft(draft)
    for problem in find_problems(draft, names=names):
        raise problem
    return draft


def _in_use(count: int) -> Conflict:
    text = ngettext_lazy(
        "%(count)d mailing uses this message, so it cannot be deleted.",
        "%(count)d mailings use this message, so it cannot be deleted.",
        "count",
    )
    return Conflict(
        "message_in_use", text % {"count": count}, details={"mailings": count}
    )
