"""After a mailing: once more to those who failed, to the unknown, to those added since.

A mailing is sent at most once to everybody (SMTP-24): what is unknown is never tried
again by itself, only when a person asks for it here.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Role, User
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import Conflict
from pochtar.delivery.again import Left, count_left, try_again
from pochtar.delivery.models import Outcome
from pochtar.mailings.lifecycle import Action, can
from pochtar.mailings.models import Mailing
from pochtar.mailings.preflight import TEXTS
from pochtar.mailings.services import copy_mailing, follow_runs, refuse

NOBODY: dict[Outcome, Promise] = {
    Outcome.FAILED: _("There is nobody left who failed and can be tried again."),
    Outcome.UNKNOWN: _("There is nobody left whose outcome is unknown."),
}


def left_of(mailing: Mailing) -> Left:
    """Count whom another try would be made at now."""
    return count_left(mailing.run) if mailing.run else Left()


def retry_failed(
    mailing: Mailing,
    *,
    by: User | None,
    for_good_too: bool = False,
    nudge: bool = True,
    now: dt.datetime | None = None,
) -> Mailing:
    """Try those again who failed for now, or with ``for_good_too`` all who failed.

    ``by`` is None for the operator's command line.  Raises Conflict:
    ``cannot_retry_failed`` while the mailing runs, ``stop_passed``, ``nobody_failed``.
    """
    return _try_again(
        mailing,
        Outcome.FAILED,
        Action.RETRY_FAILED,
        by=by,
        for_now_only=not for_good_too,
        nudge=nudge,
        now=now or timezone.now(),
    )


def send_unknown(
    mailing: Mailing,
    *,
    by: User | None,
    nudge: bool = True,
    now: dt.datetime | None = None,
) -> Mailing:
    """Send to those of whom nobody knows: some may get the letter twice (SMTP-24).

    Raises Conflict: ``cannot_send_unknown``, ``stop_passed``, ``nobody_unknown``.
    """
    return _try_again(
        mailing,
        Outcome.UNKNOWN,
        Action.SEND_UNKNOWN,
        by=by,
        for_now_only=False,
        nudge=nudge,
        now=now or timezone.now(),
    )


@transaction.atomic
def _try_again(
    mailing: Mailing,
    source: Outcome,
    action: Action,
    *,
    by: User | None,
    for_now_only: bool,
    nudge: bool,
    now: dt.datetime,
) -> Mailing:
    if by:
        require_role(by, mailing.workspace_id, Role.MANAGER)
    mailing.refresh_from_db()
    run = mailing.run
    if not run or not can(action, mailing.state):
        raise refuse(mailing, action)
    if run.stop_at and run.stop_at <= now:
        raise Conflict("stop_passed", TEXTS["stop_passed"])
    count = try_again(run, source, for_now_only=for_now_only, nudge=nudge, now=now)
    if not count:
        mailing.refresh_from_db()
        if not can(action, mailing.state):
            raise refuse(mailing, action)  # somebody was first
        raise Conflict(f"nobody_{source}", NOBODY[source])
    follow_runs([mailing.pk])
    write_audit(
        mailing.workspace,
        by=by,
        verb=f"mailing_{action}",
        subject=mailing,
        count=count,
        for_now_only=for_now_only,
    )
    mailing.refresh_from_db()
    return mailing


@transaction.atomic
def follow_up_mailing(mailing: Mailing, *, by: User) -> Mailing:
    """Make a draft of the same letter for those whom this one has not written to.

    Its audience leaves out everybody who is in a run of the mailing or of another one
    that follows it, whatever came of it.  Raises Conflict ``cannot_follow_up``.
    """
    require_role(by, mailing.workspace_id, Role.EDITOR)
    if not can(Action.FOLLOW_UP, mailing.state):
        raise refuse(mailing, Action.FOLLOW_UP)
    copy = copy_mailing(mailing, by=by, suffix=gettext("(added since)"))
    copy.follows = mailing
    copy.save(update_fields=["follows"])
    write_audit(
        mailing.workspace,
        by=by,
        verb="mailing_followed_up",
        subject=copy,
        source=str(mailing.pk),
    )
    return copy
