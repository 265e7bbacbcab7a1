"""What can be done with mailings before and after their launch (launch.py)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.content.models import Message
from pochtar.delivery.models import Run, Sender
from pochtar.delivery.removal import delete_runs
from pochtar.mailings.lifecycle import STATES, Action
from pochtar.mailings.models import (
    MOST_DAYS,
    AudienceKind,
    Mailing,
    MailingStatus,
    MissedRule,
)
from pochtar.recipients.models import Recipient, RecipientList, Segment

NAME_LENGTH = 200
# What an audience is made of, beside its kind and the days; equal names in a `Draft`.
AUDIENCE_ROWS = (
    *("lists", "segments", "picked"),
    *("exclude_lists", "exclude_segments", "exclude_mailings"),
)

REFUSALS: dict[Action, Promise] = {
    Action.EDIT: _(
        "This mailing cannot be changed any more. Duplicate it and change the copy."
    ),
    Action.DELETE: _(
        "A mailing that is scheduled, running, paused or has letters in hand cannot "
        "be deleted."
    ),
    Action.LAUNCH: _("This mailing has been launched already."),
    Action.CANCEL_SCHEDULE: _("This mailing is not scheduled."),
    Action.UNDO: _("It is too late to take the launch back: letters are on their way."),
    Action.PAUSE: _("Only a running mailing can be paused."),
    Action.RESUME: _("Only a paused mailing can be continued."),
    Action.CANCEL: _("Only a running or paused mailing can be cancelled."),
    Action.RETRY_FAILED: _("Pause the mailing or let it end before you try again."),
    Action.SEND_UNKNOWN: _("Pause the mailing or let it end before you try again."),
    Action.FOLLOW_UP: _("This mailing has not been launched yet."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """All that a person chooses about a mailing; an empty name takes the subject."""

    message: Message
    name: str = ""
    sender: Sender | None = None
    audience: str = AudienceKind.EVERYBODY
    lists: Collection[RecipientList] = ()
    segments: Collection[Segment] = ()
    picked: Collection[Recipient] = ()
    exclude_lists: Collection[RecipientList] = ()
    exclude_segments: Collection[Segment] = ()
    exclude_mailings: Collection[Mailing] = ()
    exclude_days: int | None = None
    start_at: dt.datetime | None = None
    stop_at: dt.datetime | None = None
    missed_rule: str = MissedRule.SEND
    canary: bool = True


def refuse(mailing: Mailing, action: Action) -> Conflict:
    """Return the error that says why the action cannot be done in this state."""
    return Conflict(
        f"cannot_{action}", REFUSALS[action], details={"state": mailing.state}
    )


@transaction.atomic
def create_mailing(workspace: Workspace, draft: Draft, *, by: User) -> Mailing:
    """Write a new mailing down; nothing is sent before its launch."""
    require_role(by, workspace, Role.EDITOR)
    check_draft(workspace, draft)
    mailing = Mailing.objects.create(
        workspace=workspace, created_by=by, **_columns(draft)
    )
    _set_audience(mailing, draft)
    write_audit(workspace, by=by, verb="mailing_created", subject=mailing)
    return mailing


@transaction.atomic
def edit_mailing(mailing: Mailing, draft: Draft, *, by: User) -> Mailing:
    """Change a mailing that has not been launched; raise Conflict for any other."""
    require_role(by, mailing.workspace_id, Role.EDITOR)
    check_draft(mailing.workspace, draft)
    # A launch at the same time waits for this row, or this finds it launched.
    changed = Mailing.objects.filter(
        pk=mailing.pk, status__in=STATES[Action.EDIT]
    ).update(**_columns(draft), note="", updated_at=timezone.now())
    mailing.refresh_from_db()
    if not changed:
        raise refuse(mailing, Action.EDIT)
    _set_audience(mailing, draft)
    write_audit(mailing.workspace, by=by, verb="mailing_edited", subject=mailing)
    return mailing


@transaction.atomic
def duplicate_mailing(mailing: Mailing, *, by: User) -> Mailing:
    """Make a new mailing of the same message, sender and audience, not scheduled."""
    require_role(by, mailing.workspace_id, Role.EDITOR)
    copy = copy_mailing(mailing, by=by, suffix=gettext("(copy)"))
    write_audit(
        mailing.workspace,
        by=by,
        verb="mailing_duplicated",
        subject=copy,
        source=str(mailing.pk),
    )
    return copy


def copy_mailing(mailing: Mailing, *, by: User, suffix: str) -> Mailing:
    """Make the draft of a copy (inside a transaction; the role has been checked)."""
    copy: Mailing = Mailing.objects.create(
        workspace=mailing.workspace,
        name=f"{mailing.name[: NAME_LENGTH - len(suffix) - 1]} {suffix}",
        message=mailing.message,
        sender=mailing.sender,
        audience=mailing.audience,
        missed_rule=mailing.missed_rule,
        canary=mailing.canary,
        follows=mailing.follows,
        exclude_days=mailing.exclude_days,
        created_by=by,
    )
    for name in AUDIENCE_ROWS:
        getattr(copy, name).set(getattr(mailing, name).all())
    return copy


@transaction.atomic
def delete_mailing(mailing: Mailing, *, by: User) -> None:
    """Delete a mailing; with one that is over its whole history goes (managers)."""
    lowest = Role.MANAGER if mailing.is_launched else Role.EDITOR
    require_role(by, mailing.workspace_id, lowest)
    follow_runs([mailing.pk])
    if Mailing.objects.drafts_after(mailing).exists():
        # Without its history, they would write to its recipients again.
        raise Conflict(
            "is_followed",
            _(
                "Another mailing waits to be written to those added since this one. "
                "Launch or delete that one first."
            ),
        )
    if mailing.is_launched and mailing.excluded_from.waiting().exists():
        raise Conflict(
            "is_excluded",
            _(
                "A mailing that has not been launched leaves out those who got this "
                "one. Launch, change or delete that one first."
            ),
        )
    run, pk = mailing.run, mailing.pk
    write_audit(
        mailing.workspace,
        by=by,
        verb="mailing_deleted",
        subject=mailing,
        name=mailing.name,
    )
    gone, _rows = (
        Mailing.objects.filter(pk=pk, run=run, status__in=STATES[Action.DELETE])
        .filter(Q(run=None) | Q(run__finished_at__isnull=False))
        .delete()
    )
    if not gone:
        mailing.refresh_from_db()
        raise refuse(mailing, Action.DELETE)
    if run:
        delete_history(run)


@transaction.atomic
def cancel_schedule(mailing: Mailing, *, by: User | None, note: str = "") -> Mailing:
    """Take a scheduled mailing back to the drafts; ``note`` is a preflight code."""
    if by:
        require_role(by, mailing.workspace_id, Role.MANAGER)
    changed = Mailing.objects.filter(
        pk=mailing.pk, status__in=STATES[Action.CANCEL_SCHEDULE]
    ).update(status=MailingStatus.CREATED, note=note, updated_at=timezone.now())
    mailing.refresh_from_db()
    if not changed:
        raise refuse(mailing, Action.CANCEL_SCHEDULE)
    write_audit(
        mailing.workspace,
        by=by,
        verb="mailing_schedule_cancelled",
        subject=mailing,
        note=note,
    )
    return mailing


def follow_runs(only: Iterable[Any] | None = None) -> int:
    """Give launched mailings the status of their runs; return how many moved."""
    behind = Mailing.objects.out_of_step()
    if only is not None:
        behind = behind.filter(pk__in=list(only))
    moved = 0
    for pk, now, status in behind.values_list("pk", "status", "run__status"):
        moved += Mailing.objects.filter(pk=pk, status=now).update(status=status)
    return moved


def check_draft(workspace: Workspace, draft: Draft) -> None:
    """Raise InvalidInput at the first field that cannot be as it is (SEC-02)."""
    owned: dict[str, Iterable[Any]] = {
        "message": [draft.message],
        "sender": [draft.sender] if draft.sender else [],
        **{name: getattr(draft, name) for name in AUDIENCE_ROWS},
    }
    for field, rows in owned.items():
        if any(row.workspace_id != workspace.pk for row in rows):
            raise InvalidInput("unknown_row", _("There is no such row."), field=field)
    _check_audience(draft)
    check_times(draft.start_at, draft.stop_at)


def _check_audience(draft: Draft) -> None:
    groups = [*draft.lists, *draft.segments]
    if draft.audience == AudienceKind.LISTS and not groups:
        raise InvalidInput(
            "no_lists", _("Choose at least one list or segment."), field="lists"
        )
    if draft.audience == AudienceKind.PICKED and not list(draft.picked):
        raise InvalidInput(
            "no_people", _("Choose at least one recipient."), field="picked"
        )
    if draft.exclude_days is not None and not 1 <= draft.exclude_days <= MOST_DAYS:
        raise InvalidInput(
            "days_out_of_range",
            _("Between 1 and %(most)d days.") % {"most": MOST_DAYS},
            field="exclude_days",
        )


def check_times(start_at: dt.datetime | None, stop_at: dt.datetime | None) -> None:
    """Raise InvalidInput for a stop that is not after the start."""
    if start_at and stop_at and stop_at <= start_at:
        raise InvalidInput(
            "ends_before_start",
            _("The mailing would stop before it starts."),
            field="stop_at",
        )


def _columns(draft: Draft) -> dict[str, Any]:
    name = " ".join(draft.name.split()) or draft.message.subject
    return {
        "name": name[:NAME_LENGTH],
        "message": draft.message,
        "sender": draft.sender,
        "audience": draft.audience,
        "start_at": draft.start_at,
        "stop_at": draft.stop_at,
        "missed_rule": draft.missed_rule,
        "canary": draft.canary,
        "exclude_days": draft.exclude_days,
    }


def _set_audience(mailing: Mailing, draft: Draft) -> None:
    unused = {
        AudienceKind.EVERYBODY: ("lists", "segments", "picked"),
        AudienceKind.LISTS: ("picked",),
        AudienceKind.PICKED: ("lists", "segments"),
    }[AudienceKind(draft.audience)]
    for name in AUDIENCE_ROWS:
        getattr(mailing, name).set([] if name in unused else getattr(draft, name))


def delete_history(run: Run) -> None:
    """Delete a run with its whole ledger."""
    delete_runs(Run.objects.filter(pk=run.pk))
