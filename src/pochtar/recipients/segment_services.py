"""What can be done with a segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mailcore.segments import Rule, dump_rule
from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.recipients.cleaning import capped, has_control
from pochtar.recipients.models import Segment

LONGEST_NAME = 120
MOST_SEGMENTS = 500


def create_segment(workspace: Workspace, *, by: User, name: str, rule: Rule) -> Segment:
    """Save a rule under a name; two segments of a workspace do not share one."""
    require_role(by, workspace, Role.EDITOR)
    if Segment.objects.of(workspace).count() >= MOST_SEGMENTS:
        raise InvalidInput(
            "too_many_segments",
            _("A workspace has at most %(most)d segments.") % {"most": MOST_SEGMENTS},
        )
    row = Segment(workspace=workspace, created_by=by)
    _fill(row, name=name, rule=rule)
    with transaction.atomic():
        _write(row)
        write_audit(workspace, by=by, verb="segment_created", subject=row)
    return row


def change_segment(row: Segment, *, by: User, name: str, rule: Rule) -> Segment:
    """Change the name or the rule; whoever uses the segment finds by the new one."""
    require_role(by, row.workspace, Role.EDITOR)
    _fill(row, name=name, rule=rule)
    row.updated_at = timezone.now()
    with transaction.atomic():
        _write(row)
        write_audit(row.workspace, by=by, verb="segment_changed", subject=row)
    return row


@transaction.atomic
def delete_segment(
    row: Segment, *, by: User, waiting_mailings: Callable[[Segment], Sequence[str]]
) -> None:
    """Delete the rule, not those whom it finds.

    Conflict when a mailing that has yet to start uses it; mailings lie above us, so the
    caller tells how to find their names.
    """
    require_role(by, row.workspace, Role.EDITOR)
    if names := waiting_mailings(row):
        raise Conflict(
            "segment_in_use",
            _(
                "A mailing that has not been launched uses this segment. "
                "Change or delete the mailing first."
            ),
            details={"mailings": list(names)},
        )
    write_audit(
        row.workspace, by=by, verb="segment_deleted", subject=row, name=row.name
    )
    row.delete()


def _fill(row: Segment, *, name: str, rule: Rule) -> None:
    name = name.strip()
    if not name:
        raise InvalidInput("name_empty", _("Give the segment a name."), field="name")
    if has_control(name):
        raise InvalidInput(
            "control_character",
            _("The text contains a line break or another control character."),
            field="name",
        )
    row.name = capped(name, LONGEST_NAME, field="name")
    row.rule = dump_rule(rule)


def _write(row: Segment) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise InvalidInput(
            "segment_exists",
            _("There is a segment with this name already."),
            field="name",
        ) from error
