"""A run driven by the program that launches it, without any worker (``sendmail``)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Min
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pochtar.base.errors import Conflict
from pochtar.delivery import runs
from pochtar.delivery.models import Attempt, Outcome, Run
from pochtar.delivery.undo import start_at_once
from pochtar.mailings.launch import launch_mailing, resume_mailing
from pochtar.mailings.models import Mailing, MailingStatus
from pochtar.mailings.preflight import TEXTS
from pochtar.mailings.services import follow_runs

INTERRUPTED = "interrupted"
OVER: dict[str, Promise] = {
    MailingStatus.COMPLETED: _("This mailing is completed already."),
    MailingStatus.CANCELLED: _("This mailing has been cancelled."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """So many attempts ended this way; ``reply`` is one of the server's answers."""

    count: int
    outcome: str
    code: int | None
    enhanced_code: str
    reason: str
    reply: str


def take_mailing(mailing: Mailing, *, now: dt.datetime, force_now: bool) -> Run:
    """Launch, continue or take over the mailing; return the run to drive.

    Raises Conflict: what stands in the way of a launch (preflight.py),
    ``start_not_reached``, ``already_completed``, ``already_cancelled``, or
    ``already_running`` when somebody who lives is driving it.
    """
    if mailing.state in OVER:
        raise Conflict(f"already_{mailing.state}", OVER[mailing.state])
    if mailing.state == MailingStatus.PAUSED:
        mailing = resume_mailing(mailing, by=None, nudge=False)
    elif mailing.state == MailingStatus.RUNNING:
        _take_over(mailing, now=now)
    else:
        check_start(mailing, now=now, force_now=force_now)
        mailing = launch_mailing(mailing, by=None, now=now, force_now=True, nudge=False)
    assert mailing.run
    return mailing.run


def check_start(mailing: Mailing, *, now: dt.datetime, force_now: bool) -> None:
    """Raise Conflict when the mailing shall start later."""
    if mailing.start_at and mailing.start_at > now and not force_now:
        raise Conflict(
            "start_not_reached",
            TEXTS["start_not_reached"],
            details={"start_at": mailing.start_at.isoformat()},
        )


def _take_over(mailing: Mailing, *, now: dt.datetime) -> None:
    """Free what dead drivers left; refuse while a living one is at it."""
    runs.recover_dead_leases(now=now)
    if not mailing.run or not runs.take_over_run(mailing.run):
        raise Conflict("already_running", _("This mailing is running already."))
    # Who sends it by hand does not wait for second thoughts.
    start_at_once(mailing.run, now=now, nudge=False)


def leave_mailing(mailing: Mailing, run: Run, *, interrupted: bool) -> Run:
    """Put the run down: an interrupted one is paused, so that it can be continued."""
    if interrupted:
        runs.pause_run(run, code=INTERRUPTED)
    runs.leave_run(run)
    follow_runs([mailing.pk])
    run.refresh_from_db()
    return run


def troubles_of(run: Run, *, limit: int) -> list[Trouble]:
    """Return the commonest ways in which attempts did not succeed."""
    rows = (
        Attempt.objects.filter(run=run)
        .exclude(outcome=Outcome.ACCEPTED)
        .values("outcome", "code", "enhanced_code", "reason")
        .annotate(count=Count("pk"), sample=Min("reply"))
        .order_by("-count", "outcome", "code")
    )
    return [
        Trouble(
            count=row["count"],
            outcome=row["outcome"],
            code=row["code"],
            enhanced_code=row["enhanced_code"],
            reason=row["reason"],
            reply=" ".join(row["sample"].split()),
        )
        for row in rows[:limit]
    ]
