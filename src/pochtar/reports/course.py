"""Where a letter stands in its run, and what becomes of it next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.utils.translation import gettext as _

from mailcore.smtp.meanings import Kind
from pochtar.delivery.ledger import PENDING, SENDING
from pochtar.delivery.models import Outcome, Run, RunStatus, Slice, SliceStatus
from pochtar.delivery.reasons import pause_title, verdict_words
from pochtar.delivery.reply_words import explain_attempt
from pochtar.delivery.verdicts import read_verdict
from pochtar.mailings.models import MailingStatus
from pochtar.mailings.preflight import note_words
from pochtar.reports.case import Case
from pochtar.reports.steps import Mark, Step, grouped, moment


def tell_launch(case: Case) -> Step:
    """Say when the mailing was launched, and by whom; or that it was not."""
    if not case.run:
        return _not_launched(case)
    by = case.run.started_by
    text = (
        _("Launched by %(who)s.") % {"who": by}
        if by
        else _("Launched by its schedule or on the command line.")
    )
    return Step(key="launched", mark=Mark.OK, text=text, at=case.run.started_at)


def _not_launched(case: Case) -> Step:
    mailing = case.mailing
    if mailing.status == MailingStatus.SCHEDULED:
        return Step(
            key="scheduled",
            mark=Mark.NEXT,
            text=_("The mailing starts by itself."),
            at=mailing.start_at,
        )
    note = str(note_words(mailing.note))
    return Step(
        key="not_launched",
        mark=Mark.INFO,
        text=_("The mailing has not been launched."),
        detail=note,
    )


def tell_place(case: Case) -> Step | None:
    """Say which letter of the run it is, and how far its slice has come."""
    if not case.delivery or not case.run:
        return None
    numbers = {
        "number": grouped(case.delivery.position),
        "all": grouped(case.run.selected),
    }
    first = case.slices[0] if case.slices else None
    return Step(
        key="place",
        mark=Mark.INFO,
        text=_("Letter %(number)s of %(all)s.") % numbers,
        detail=_slice_words(first, case) if first else "",
    )


def _slice_words(slice_: Slice, case: Case) -> str:
    numbers = {
        "first": grouped(slice_.first_position),
        "last": grouped(slice_.last_position),
        "cursor": grouped(slice_.cursor),
        "when": moment(slice_.due_at),
    }
    match slice_.status:
        case SliceStatus.DONE:
            said = _("Its part of the mailing (%(first)s–%(last)s) is finished.")
        case SliceStatus.HELD:
            said = _(
                "Its part (%(first)s–%(last)s) is held back until the first letters "
                "have gone well."
            )
        case SliceStatus.LEASED:
            said = _(
                "Its part (%(first)s–%(last)s) is being sent and has come to %(cursor)s."
            )
        case _other if slice_.due_at > case.now:
            said = _("Its part (%(first)s–%(last)s) goes on at %(when)s.")
        case _other if slice_.cursor >= slice_.first_position:
            said = _(
                "Its part (%(first)s–%(last)s) has come to %(cursor)s and waits for a "
                "worker."
            )
        case _other:
            said = _("Its part (%(first)s–%(last)s) waits for a worker.")
    return said % numbers


def tell_run(case: Case) -> Step | None:
    """Say what holds the whole run up, or ended it, if that matters to this letter."""
    run = case.run
    if not run or not case.delivery or case.state == Outcome.ACCEPTED:
        return None
    if run.status == RunStatus.PAUSED:
        verdict = read_verdict(run.pause_text)
        figures = verdict_words(verdict) if verdict else ""
        return Step(
            key="paused",
            mark=Mark.BAD,
            text=_("The mailing is paused."),
            detail=f"{pause_title(run.pause_code)} {figures}".rstrip(),
            reply=verdict.reply if verdict else run.pause_text,
        )
    if run.status == RunStatus.CANCELLED:
        return Step(
            key="cancelled",
            mark=Mark.BAD,
            text=_("The mailing was cancelled."),
            at=run.finished_at,
        )
    return None


def tell_next(case: Case) -> Iterator[Step]:
    """Say what will happen, or why nothing will."""
    if not case.run:
        return
    if not case.delivery:
        yield Step(
            key="not_selected",
            mark=Mark.INFO,
            text=_("This mailing does not reach this person any more."),
            detail=_(
                "A mailing to those added since reaches people who came after the launch."
            ),
        )
        return
    if case.state in (PENDING, SENDING):
        yield _turn(case, case.run)
    elif again := _again(case):
        yield _retry(case, case.run, again)
    else:
        yield _end(case)


def _turn(case: Case, run: Run) -> Step:
    """It has not been tried yet."""
    if run.status == RunStatus.CANCELLED and case.state == PENDING:
        return _final("not_sent", _("Nothing will be sent to this person."))
    if case.state == SENDING:
        return Step(
            key="sending",
            mark=Mark.NEXT,
            text=_("It is on its way to the mail server."),
            detail=_(
                "If the program died with it in hand, it becomes “unknown” as soon as "
                "that is noticed."
            ),
        )
    detail = ""
    if run.status == RunStatus.PAUSED:
        detail = _("When the mailing is continued; nobody is lost.")
    elif run.stop_at:
        detail = _("If that is before %(when)s, when the mailing stops.") % {
            "when": moment(run.stop_at)
        }
    return Step(
        key="waiting",
        mark=Mark.NEXT,
        text=_("It will be sent when its turn comes."),
        detail=detail,
        at=_first_moment(case, run),
    )


def _first_moment(case: Case, run: Run) -> dt.datetime | None:
    """Return the moment before which it surely does not go out, if that is ahead."""
    moments = [run.undo_until, case.slices[0].due_at if case.slices else None]
    ahead = [each for each in moments if each and each > case.now]
    return max(ahead) if ahead else None


def _again(case: Case) -> Slice | None:
    """Return the open slice that will try it once more."""
    for slice_ in case.slices:
        is_open = slice_.status != SliceStatus.DONE
        mine = slice_.source == case.state and slice_.cursor < _position(case)
        if is_open and mine:
            return slice_
    return None


def _position(case: Case) -> int:
    assert case.delivery
    return case.delivery.position


def _retry(case: Case, run: Run, slice_: Slice) -> Step:
    if run.status == RunStatus.CANCELLED:
        return _final("not_again", _("It is not tried again."))
    detail = ""
    if run.status == RunStatus.PAUSED:
        detail = _("When the mailing is continued; nobody is lost.")
    elif slice_.source == Outcome.DEFERRED:
        detail = _("If it is not taken by %(when)s, it is given up.") % {
            "when": moment(_given_up_at(run, slice_))
        }
    return Step(
        key="retry",
        mark=Mark.NEXT,
        text=_("It will be tried again."),
        detail=detail,
        at=slice_.due_at,
    )


def _given_up_at(run: Run, slice_: Slice) -> dt.datetime:
    patience = slice_.began_at + dt.timedelta(hours=run.retry_hours)
    return min(patience, run.stop_at) if run.stop_at else patience


def _end(case: Case) -> Step:
    """Nothing more happens by itself."""
    match case.state:
        case Outcome.ACCEPTED:
            return _after_acceptance(case)
        case Outcome.UNKNOWN:
            return _final(
                "not_again",
                _("It is not sent again by itself."),
                _(
                    "It may have arrived, and a letter twice is worse than a doubt. The "
                    "mailing's page can send to the unknown once more."
                ),
            )
        case Outcome.FAILED if case.last and not case.last.permanent:
            detail = _("The mailing's page can send to the failed once more.")
            return _final("not_again", _("It is not tried again by itself."), detail)
        case Outcome.FAILED:
            detail = "" if _is_lost(case) else _("First mend what the reply speaks of.")
            return _final("not_again", _("It is not tried again by itself."), detail)
        case Outcome.SKIPPED:
            detail = _("A mailing of its own reaches them when the cause is gone.")
            return _final("not_sent", _("Nothing will be sent to this person."), detail)
    return _final("not_again", _("It is not tried again."))


def _is_lost(case: Case) -> bool:
    """Say whether the refusal means that nobody reads this address."""
    meaning = explain_attempt(case.last) if case.last else None
    return meaning is not None and meaning.kind == Kind.NO_MAILBOX


def _after_acceptance(case: Case) -> Step:
    assert case.run
    if case.run.relay.is_sandbox:
        text = _("It is in the sandbox: nobody gets it, but you can look at it there.")
        return _final("in_sandbox", text)
    detail = ""
    if case.last and case.last.queue_id:
        detail = _(
            "Whoever runs the mail server finds the letter by its queue id, %(id)s."
        ) % {"id": case.last.queue_id}
    return _final(
        "look_into_spam",
        _("If it is not in the inbox, it is in the spam folder, or was sorted away."),
        detail,
    )


def _final(key: str, text: str, detail: str = "") -> Step:
    return Step(key=key, mark=Mark.INFO, text=text, detail=detail)
