"""What ``sendmail`` does with a mailing beside driving it, and what it says of one.

A verb sends nothing in this process: workers do, or whoever drives the run.
"""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pochtar.delivery.ledger import Counts, count_states
from pochtar.delivery.models import Run, RunStatus
from pochtar.delivery.runs import expire_run, finish_run_if_done
from pochtar.delivery.words import explain_trouble
from pochtar.mailings.foreground import INTERRUPTED, troubles_of
from pochtar.mailings.launch import cancel_mailing, pause_mailing, resume_mailing
from pochtar.mailings.models import Mailing, MailingStatus
from pochtar.mailings.services import cancel_schedule
from pochtar.ops.reporting import figures

ACCEPTED, INCOMPLETE, REFUSED, STOPPED = 0, 1, 2, 130
TROUBLES = 5
PAUSES: Mapping[str, Promise] = {
    INTERRUPTED: gettext_lazy("stopped on the command line."),
    "by_operator": gettext_lazy("on the command line."),
    "by_person": gettext_lazy("by a participant."),
}


class Refusal(Exception):
    """Nothing was sent; ``code`` is stable, the text is for the reader."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One option of the command; ``do`` returns what ``--json`` prints."""

    help: str
    do: Callable[[Mailing, dt.datetime], dict[str, Any]]


def tell_status(mailing: Mailing, now: dt.datetime) -> dict[str, Any]:
    """Return the mailing's state and figures."""
    if run := mailing.run:
        end = run.finished_at or now
        seconds = (end - run.started_at).total_seconds()
        return summary(mailing, run, count_states(run), ACCEPTED, seconds)
    start_at = mailing.start_at.isoformat() if mailing.start_at else None
    return {
        "mailing": str(mailing.pk),
        "run": None,
        "status": str(mailing.state),
        "start_at": start_at,
        "note": mailing.note,
    }


def pause(mailing: Mailing, now: dt.datetime) -> dict[str, Any]:
    return tell_status(pause_mailing(mailing, by=None), now)


def resume(mailing: Mailing, now: dt.datetime) -> dict[str, Any]:
    return tell_status(resume_mailing(mailing, by=None), now)


def cancel(mailing: Mailing, now: dt.datetime) -> dict[str, Any]:
    """Cancel the schedule, or end the run and skip the rest without any worker."""
    if mailing.state == MailingStatus.SCHEDULED:
        return tell_status(cancel_schedule(mailing, by=None), now)
    mailing = cancel_mailing(mailing, by=None)
    assert mailing.run
    expire_run(mailing.run, now=now)
    finish_run_if_done(mailing.run, now=now)
    mailing.run.refresh_from_db()
    return tell_status(mailing, now)


VERBS: Mapping[str, Verb] = {
    "status": Verb(help="print its state and figures", do=tell_status),
    "pause": Verb(help="stop it after the letters in hand", do=pause),
    "resume": Verb(help="let the workers go on with it", do=resume),
    "cancel": Verb(help="end it; who has not been tried is skipped", do=cancel),
}


def add_verbs(parser: ArgumentParser) -> None:
    """Add an option for each verb; only one can be chosen."""
    group = parser.add_mutually_exclusive_group()
    for name, verb in VERBS.items():
        group.add_argument(f"--{name}", action="store_true", help=verb.help)


def chosen_verb(options: Mapping[str, Any]) -> str:
    """Return the verb's name; "" for the command's own work."""
    return next((name for name in VERBS if options.get(name)), "")


def report_words(report: Mapping[str, Any], mailing: Mailing) -> str:
    """Say a verb's report in the reader's language."""
    lines = [f"{mailing.name} · {MailingStatus(report['status']).label}"]
    if run := mailing.run:
        lines.append(figures(count_states(run)))
        if run.status == RunStatus.PAUSED:
            lines.append(_("Paused: %(reason)s") % {"reason": pause_words(run)})
    elif mailing.start_at:
        lines.append(_("Start: %(moment)s") % {"moment": report["start_at"]})
    return "\n".join(lines)


def exit_status(run: Run, counts: Counts, *, interrupted: bool) -> int:
    if interrupted:
        return STOPPED
    if run.status != RunStatus.COMPLETED:
        return REFUSED
    return ACCEPTED if counts.accepted == counts.selected else INCOMPLETE


def summary(
    mailing: Mailing, run: Run, counts: Counts, status: int, seconds: float
) -> dict[str, Any]:
    """Return what ``--json`` prints; the keys are English and stable."""
    return {
        "mailing": str(mailing.pk),
        "run": str(run.pk),
        "status": run.status,
        "exit": status,
        "pause": {"code": run.pause_code, "text": run.pause_text},
        "selected": counts.selected,
        "accepted": counts.accepted,
        "failed": counts.failed,
        "deferred": counts.deferred,
        "unknown": counts.unknown,
        "skipped": counts.skipped,
        "pending": counts.pending + counts.sending,
        "seconds": round(seconds, 3),
        "replies": [
            {
                "count": each.count,
                "outcome": each.outcome,
                "code": each.code,
                "enhanced_code": each.enhanced_code,
                "reason": each.reason,
                "reply": each.reply,
            }
            for each in troubles_of(run, limit=TROUBLES)
        ],
    }


def pause_words(run: Run) -> str:
    """Say why the run is paused; a verdict's figures are failed/unknown/tried."""
    if run.pause_code in PAUSES:
        return str(PAUSES[run.pause_code])
    said = f" ({run.pause_text})" if run.pause_text else ""
    return f"{explain_trouble(run.pause_code)}{said}"
