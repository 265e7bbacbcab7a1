"""Each attempt in words: what came of it, what the server said and meant."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from pochtar.delivery.models import Attempt, Outcome
from pochtar.delivery.reasons import reason_words
from pochtar.delivery.reply_words import explain_attempt
from pochtar.reports.steps import Fact, Mark, Step

MARKS = {
    Outcome.ACCEPTED: Mark.OK,
    Outcome.FAILED: Mark.BAD,
    Outcome.DEFERRED: Mark.WARN,
    Outcome.UNKNOWN: Mark.WARN,
    Outcome.SKIPPED: Mark.BAD,
}


def tell_attempt(attempt: Attempt) -> Step:
    text = _outcome(attempt)
    if attempt.number > 1:
        text = _("Try %(number)d: %(what)s") % {"number": attempt.number, "what": text}
    return Step(
        key=f"attempt_{attempt.outcome}",
        mark=MARKS[Outcome(attempt.outcome)],
        text=text,
        detail=_detail(attempt),
        at=attempt.at,
        reply=_whole_reply(attempt),
        meaning=None
        if attempt.outcome == Outcome.ACCEPTED
        else explain_attempt(attempt),
        facts=tuple(_facts(attempt)),
    )


def _outcome(attempt: Attempt) -> str:
    match attempt.outcome:
        case Outcome.ACCEPTED:
            return _("The mail server took the letter.")
        case Outcome.DEFERRED:
            return _("The letter was put off.")
        case Outcome.UNKNOWN:
            return _("The connection ended before the answer came.")
        case Outcome.SKIPPED:
            return _("Left out: no server was asked.")
    if not attempt.code:
        return _("The letter could not be handed over.")
    if attempt.permanent:
        return _("The mail server refused the letter for good.")
    return _("The mail server did not take the letter for now.")


def _detail(attempt: Attempt) -> str:
    said = str(reason_words(attempt.reason)) if attempt.reason else ""
    # Without a server, the reply is our own note: the field that is missing, an error.
    if not attempt.code and attempt.reply:
        said = f"{said} ({attempt.reply})" if said else attempt.reply
    return said


def _whole_reply(attempt: Attempt) -> str:
    """Return what the server said, the codes before its first line."""
    if not attempt.code:
        return ""
    parts = (str(attempt.code), attempt.enhanced_code, attempt.reply)
    return " ".join(part for part in parts if part)


def _facts(attempt: Attempt) -> Iterator[Fact]:
    if attempt.stage:
        yield Fact(key="stage", label=_("Stage"), value=attempt.stage.upper())
    if attempt.host:
        peer = attempt.peer if attempt.peer != attempt.host else ""
        where = f"{attempt.host} ({peer})" if peer else attempt.host
        yield Fact(key="host", label=_("Mail server"), value=where)
        tls = attempt.tls or _("none")
        yield Fact(key="tls", label=_("Encryption"), value=tls)
    if attempt.queue_id:
        yield Fact(key="queue_id", label=_("Queue id"), value=attempt.queue_id)
    if attempt.duration_ms:
        took = _("%(ms)s ms") % {"ms": attempt.duration_ms}
        yield Fact(key="took", label=_("Took"), value=took)
