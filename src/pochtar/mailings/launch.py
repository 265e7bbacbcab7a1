"""Launching a mailing, and what can be done with it while it runs.

However often and from wherever a launch comes (a double click, two tabs, the command
line, beat), one wins: the winner's UPDATE takes the mailing's row, the others wait for
it and then find the status moved on.
"""

from __future__ import annotations

import datetime as dt

import structlog
from django.conf import settings
from django.db import transaction

from pochtar.accounts.models import Role, User
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import Conflict, PochtarError
from pochtar.base.queue import NamedTask
from pochtar.base.queue import nudge as nudge_task
from pochtar.delivery import runs, undo
from pochtar.delivery.dkim_checks import check_stale_keys
from pochtar.mailings.lifecycle import STATES, Action
from pochtar.mailings.models import (
    MISSED,
    MISSED_ASK,
    Mailing,
    MailingStatus,
    MissedRule,
)
from pochtar.mailings.preflight import Preflight
from pochtar.mailings.services import (
    cancel_schedule,
    delete_history,
    follow_runs,
    refuse,
)

log = structlog.get_logger(__name__)

# What is found by the start, the mailing is grouped by (PRV-03).
LOOK_UP_DOMAINS = NamedTask("pochtar.mailings.look_up_domains")


def launch_mailing(
    mailing: Mailing,
    *,
    by: User | None,
    now: dt.datetime,
    force_now: bool = False,
    undo_seconds: int = 0,
    nudge: bool = True,
) -> Mailing:
    """Freeze the mailing and start its run, or schedule it when its start is ahead.

    ``by`` is None for the operator's command line and for beat.  ``force_now`` launches
    at once whatever the start says; for ``undo_seconds`` nothing leaves, and the launch
    can be taken back; ``nudge=False`` is for one who drives the run in the foreground.
    Raises Conflict with the code of what is in the way (preflight.py), or
    ``cannot_launch`` when somebody was first.
    """
    if by:
        require_role(by, mailing.workspace_id, Role.MANAGER)
    if mailing.sender:
        # Before the transaction: DNS may be slow.
        check_stale_keys(mailing.sender, now=now)
    with transaction.atomic():
        # Nothing is changed, but the row is ours until the end of the transaction.
        mine = Mailing.objects.filter(
            pk=mailing.pk, status__in=STATES[Action.LAUNCH]
        ).update(updated_at=now)
        mailing.refresh_from_db()
        if not mine:
            raise refuse(mailing, Action.LAUNCH)
        flight = Preflight(mailing, now=now)
        for problem in flight.problems:
            raise Conflict(problem.code, problem.text, details={"name": problem.name})
        if flight.starts_later and not force_now:
            _schedule(mailing, by=by)
        else:
            undo_until = now + dt.timedelta(seconds=undo_seconds)
            _start(mailing, flight, by=by, undo_until=undo_until, nudge=nudge)
    return mailing


def _schedule(mailing: Mailing, *, by: User | None) -> None:
    mailing.status, mailing.note = MailingStatus.SCHEDULED, ""
    mailing.save(update_fields=["status", "note"])
    write_audit(mailing.workspace, by=by, verb="mailing_scheduled", subject=mailing)
    nudge_task(LOOK_UP_DOMAINS, str(mailing.pk))


def _start(
    mailing: Mailing,
    flight: Preflight,
    *,
    by: User | None,
    undo_until: dt.datetime,
    nudge: bool,
) -> None:
    assert mailing.sender  # preflight has looked
    mailing.run = runs.start_run(
        mailing.workspace,
        message=mailing.message,
        sender=mailing.sender,
        audience=flight.audience,
        stop_at=mailing.stop_at,
        canary=flight.canary,
        undo_until=undo_until if undo_until > flight.now else None,
        by=by,
        now=flight.now,
        nudge=nudge,
    )
    mailing.status, mailing.note = MailingStatus.RUNNING, ""
    mailing.save(update_fields=["status", "note", "run"])
    write_audit(
        mailing.workspace,
        by=by,
        verb="mailing_launched",
        subject=mailing,
        selected=mailing.run.selected,
    )


def undo_launch(mailing: Mailing, *, by: User | None, now: dt.datetime) -> Mailing:
    """Take a launch back before its first letter: the mailing is a draft again."""
    if by:
        require_role(by, mailing.workspace_id, Role.MANAGER)
    run = mailing.run
    with transaction.atomic():
        if not run or not undo.withdraw_run(run, now=now):
            mailing.refresh_from_db()
            raise refuse(mailing, Action.UNDO)
        Mailing.objects.filter(pk=mailing.pk, run=run).update(
            run=None, status=MailingStatus.CREATED, updated_at=now
        )
        delete_history(run)
        mailing.refresh_from_db()
        write_audit(
            mailing.workspace, by=by, verb="mailing_launch_undone", subject=mailing
        )
    return mailing


def start_at_once(mailing: Mailing, *, by: User, now: dt.datetime) -> Mailing:
    """Do not wait for the end of the moment in which the launch can be taken back."""
    require_role(by, mailing.workspace_id, Role.MANAGER)
    run = mailing.run
    if not run or not undo.start_at_once(run, now=now):
        raise refuse(mailing, Action.UNDO)
    return _follow(mailing, by=by, verb="mailing_started_at_once")


def launch_due(now: dt.datetime) -> int:
    """Launch what is scheduled and due; return how many tried.

    What cannot be launched any more goes back to the drafts with a note.  One whose
    start was missed goes by its rule.
    """
    due = list(Mailing.objects.due(now).order_by("start_at"))
    for mailing in due:
        if _was_missed(mailing, now) and mailing.missed_rule != MissedRule.SEND:
            _miss(mailing)
            continue
        try:
            launch_mailing(mailing, by=None, now=now, force_now=True)
        except PochtarError as error:
            log.warning(
                "scheduled_launch_failed", mailing=str(mailing.pk), code=error.code
            )
            _put_back(mailing, error.code)
    return len(due)


def _was_missed(mailing: Mailing, now: dt.datetime) -> bool:
    return bool(mailing.start_at and now - mailing.start_at > settings.MISSED_AFTER)


def _miss(mailing: Mailing) -> None:
    """Do not send it late: back to the drafts, or wait for somebody's answer."""
    log.warning("scheduled_launch_missed", mailing=str(mailing.pk))
    if mailing.missed_rule == MissedRule.SKIP:
        _put_back(mailing, MISSED)
        return
    asked = Mailing.objects.filter(pk=mailing.pk, status=MailingStatus.SCHEDULED)
    with transaction.atomic():
        if asked.update(note=MISSED_ASK):
            write_audit(
                mailing.workspace, by=None, verb="mailing_missed", subject=mailing
            )


def _put_back(mailing: Mailing, note: str) -> None:
    try:
        cancel_schedule(mailing, by=None, note=note)
    except Conflict:
        return  # somebody launched or cancelled it meanwhile


def pause_mailing(mailing: Mailing, *, by: User | None) -> Mailing:
    """Stop after the letters in hand; nobody is lost."""
    if by:
        require_role(by, mailing.workspace_id, Role.MANAGER)
    run = mailing.run
    if not run or not runs.pause_run(run, code="by_person" if by else "by_operator"):
        raise refuse(mailing, Action.PAUSE)
    return _follow(mailing, by=by, verb="mailing_paused")


def resume_mailing(mailing: Mailing, *, by: User | None, nudge: bool = True) -> Mailing:
    """Go on with a paused mailing where it stopped."""
    if by:
        require_role(by, mailing.workspace_id, Role.MANAGER)
    run = mailing.run
    if not run or not runs.resume_run(run, nudge=nudge):
        raise refuse(mailing, Action.RESUME)
    return _follow(mailing, by=by, verb="mailing_resumed")


def cancel_mailing(mailing: Mailing, *, by: User | None) -> Mailing:
    """End a running or paused mailing: letters in hand are finished, others skipped."""
    if by:
        require_role(by, mailing.workspace_id, Role.MANAGER)
    run = mailing.run
    if not run or not runs.cancel_run(run):
        raise refuse(mailing, Action.CANCEL)
    return _follow(mailing, by=by, verb="mailing_cancelled")


def _follow(mailing: Mailing, *, by: User | None, verb: str) -> Mailing:
    follow_runs([mailing.pk])
    write_audit(mailing.workspace, by=by, verb=verb, subject=mailing)
    mailing.refresh_from_db()
    return mailing
