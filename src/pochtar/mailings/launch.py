"""Launching a mailing, and what can be done with it while it runs.

However often and from wherever a launch comes (a double click, two tabs, the command
line, beat), one wins: the winner's UPDATE takes the mailing's row, the others wait for
it and then find the status moved on.
"""

from __future__ import annotations

import datetime as dt

import structlog
from django.db import transaction

from pochtar.accounts.models import Role, User
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import Conflict, PochtarError
from pochtar.delivery import runs
from pochtar.delivery.dkim_checks import check_stale_keys
from pochtar.mailings.lifecycle import STATES, Action
from pochtar.mailings.models import Mailing, MailingStatus
from pochtar.mailings.preflight import Preflight
from pochtar.mailings.services import cancel_schedule, follow_runs, refuse

log = structlog.get_logger(__name__)


def launch_mailing(
    mailing: Mailing,
    *,
    by: User | None,
    now: dt.datetime,
    force_now: bool = False,
    nudge: bool = True,
) -> Mailing:
    """Freeze the mailing and start its run, or schedule it when its start is ahead.

    ``by`` is None for the operator's command line and for beat.  ``force_now`` launches
    at once whatever the start says; ``nudge=False`` is for one who drives the run in
    the foreground.  Raises Conflict with the code of what is in the
    way (preflight.py), or ``cannot_launch`` when somebody was first.
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
            _start(mailing, flight, by=by, nudge=nudge)
    return mailing


def _schedule(mailing: Mailing, *, by: User | None) -> None:
    mailing.status, mailing.note = MailingStatus.SCHEDULED, ""
    mailing.save(update_fields=["status", "note"])
    write_audit(mailing.workspace, by=by, verb="mailing_scheduled", subject=mailing)


def _start(
    mailing: Mailing, flight: Preflight, *, by: User | None, nudge: bool
) -> None:
    assert mailing.sender  # preflight has looked
    mailing.run = runs.start_run(
        mailing.workspace,
        message=mailing.message,
        sender=mailing.sender,
        audience=flight.audience,
        stop_at=mailing.stop_at,
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


def launch_due(now: dt.datetime) -> int:
    """Launch what is scheduled and due; return how many tried.

    What cannot be launched any more goes back to the drafts with a note.
    """
    due = list(Mailing.objects.due(now).order_by("start_at"))
    for mailing in due:
        try:
            launch_mailing(mailing, by=None, now=now, force_now=True)
        except PochtarError as error:
            log.warning(
                "scheduled_launch_failed", mailing=str(mailing.pk), code=error.code
            )
            _put_back(mailing, error)
    return len(due)


def _put_back(mailing: Mailing, error: PochtarError) -> None:
    try:
        cancel_schedule(mailing, by=None, note=error.code)
    except Conflict:
        return  # somebody launched or cancelled it meanwhile


def pause_mailing(mailing: Mailing, *, by: User) -> Mailing:
    """Stop after the letters in hand; nobody is lost."""
    require_role(by, mailing.workspace_id, Role.MANAGER)
    run = mailing.run
    if not run or not runs.pause_run(run, code="by_person", text=""):
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


def _follow(mailing: Mailing, *, by: User | None, verb: str) -> Mailing:
    follow_runs([mailing.pk])
    write_audit(mailing.workspace, by=by, verb=verb, subject=mailing)
    mailing.refresh_from_db()
    return mailing
