"""The states of a mailing and the ways between them.

    from        to          when
    ----------  ----------  ------------------------------------------------------
    created     scheduled   launched, its start is in the future
    created     running     launched
    scheduled   created     the schedule is cancelled; or it is due and cannot be
                            launched, or was missed (``note`` says why)
    scheduled   running     it is due, or somebody launches it at once
    running     created     the launch is taken back before the first letter
    running     paused      a person, Ctrl-C, a mail server in trouble, or a verdict
                            on what came back (delivery/verdicts.py)
    paused      running     continued
    running     completed   nothing is left to try
    paused      completed   the last letter in hand was the last one of all
    running     cancelled   a person; letters in hand are finished, the rest skipped
    paused      cancelled   a person
    completed   running     once more to the failed or to the unknown (again.py);
                            so from paused and cancelled

Until the launch a mailing is a draft with its own status.  From then on it is as its
run is: ``Mailing.status`` follows ``Run.status`` (services.follow_runs), and what is
shown and decided is asked of the run (Mailing.state).
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class MailingStatus(models.TextChoices):
    """created → running → completed; the others refine these three."""

    CREATED = "created", _("created")
    SCHEDULED = "scheduled", _("scheduled")
    RUNNING = "running", _("running")
    PAUSED = "paused", _("paused")
    COMPLETED = "completed", _("completed")
    CANCELLED = "cancelled", _("cancelled")


TRANSITIONS: frozenset[tuple[MailingStatus, MailingStatus]] = frozenset(
    {
        (MailingStatus.CREATED, MailingStatus.SCHEDULED),
        (MailingStatus.CREATED, MailingStatus.RUNNING),
        (MailingStatus.SCHEDULED, MailingStatus.CREATED),
        (MailingStatus.SCHEDULED, MailingStatus.RUNNING),
        (MailingStatus.RUNNING, MailingStatus.CREATED),
        (MailingStatus.RUNNING, MailingStatus.PAUSED),
        (MailingStatus.PAUSED, MailingStatus.RUNNING),
        (MailingStatus.RUNNING, MailingStatus.COMPLETED),
        (MailingStatus.PAUSED, MailingStatus.COMPLETED),
        (MailingStatus.RUNNING, MailingStatus.CANCELLED),
        (MailingStatus.PAUSED, MailingStatus.CANCELLED),
        (MailingStatus.COMPLETED, MailingStatus.RUNNING),
        (MailingStatus.CANCELLED, MailingStatus.RUNNING),
    }
)


class Action(models.TextChoices):
    """What a person may do with a mailing."""

    EDIT = "edit", _("edit")
    DELETE = "delete", _("delete")
    LAUNCH = "launch", _("launch")
    CANCEL_SCHEDULE = "cancel_schedule", _("cancel the schedule")
    UNDO = "undo", _("take the launch back")
    PAUSE = "pause", _("pause")
    RESUME = "resume", _("continue")
    CANCEL = "cancel", _("cancel")
    RETRY_FAILED = "retry_failed", _("retry the failed")
    SEND_UNKNOWN = "send_unknown", _("send to the unknown")
    FOLLOW_UP = "follow_up", _("write to those added since")


# Letters may be tried again when nobody is sending the others.
AT_REST = frozenset(
    {MailingStatus.PAUSED, MailingStatus.COMPLETED, MailingStatus.CANCELLED}
)
# Where each action can be done; a page offers exactly these, a service refuses others.
# A launch can be taken back for half a minute only, and what is cancelled be deleted
# when its letters in hand are done: the services look at the run for that.
STATES: dict[Action, frozenset[MailingStatus]] = {
    Action.EDIT: frozenset({MailingStatus.CREATED}),
    Action.DELETE: frozenset(
        {MailingStatus.CREATED, MailingStatus.COMPLETED, MailingStatus.CANCELLED}
    ),
    Action.LAUNCH: frozenset({MailingStatus.CREATED, MailingStatus.SCHEDULED}),
    Action.CANCEL_SCHEDULE: frozenset({MailingStatus.SCHEDULED}),
    Action.UNDO: frozenset({MailingStatus.RUNNING}),
    Action.PAUSE: frozenset({MailingStatus.RUNNING}),
    Action.RESUME: frozenset({MailingStatus.PAUSED}),
    Action.CANCEL: frozenset({MailingStatus.RUNNING, MailingStatus.PAUSED}),
    Action.RETRY_FAILED: AT_REST,
    Action.SEND_UNKNOWN: AT_REST,
    Action.FOLLOW_UP: AT_REST | {MailingStatus.RUNNING},
}


def can(action: Action, status: MailingStatus | str) -> bool:
    """Say whether the action can be done with a mailing in this state."""
    return status in STATES[action]


def sources(target: MailingStatus) -> frozenset[MailingStatus]:
    """Return the states from which a mailing may come into ``target``."""
    return frozenset(start for start, end in TRANSITIONS if end == target)
