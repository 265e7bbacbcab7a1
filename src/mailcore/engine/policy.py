"""What a reply means: stage first, then code (SMTP-16, SMTP-17).

    stage      2xx/354    421      4xx                    5xx
    MAIL       go on      again    again, then the relay  the relay's trouble
    RCPT       go on      again    failed for now         failed for good
    DATA       go on      again    failed for now         failed for good
    BODY       accepted   again    failed for now         failed for good

"Again" is on a new connection, within the slice, a few times, and is no attempt.  A
5xx to MAIL is about us, so it never speaks against a recipient; 552 or 5.3.4 there is
about the letter's size.  530 and 535 anywhere ask for a login: the relay's trouble.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailcore.engine.types import OutcomeClass
from mailcore.smtp.replies import Reply
from mailcore.smtp.session import Outcome, Stage

__all__ = ["Verdict", "judge"]

LOGIN_WANTED = frozenset({530, 535, 538})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``again`` = try once more before it counts; ``trouble`` = stop the run."""

    outcome: OutcomeClass
    permanent: bool = False
    reason: str = ""
    again: bool = False
    trouble: str = ""


def judge(outcome: Outcome) -> Verdict:
    """Return what the answer to one letter means."""
    reply = outcome.reply
    if reply is None:
        return Verdict(outcome=OutcomeClass.FAILED, permanent=True, reason=outcome.code)
    if outcome.accepted:
        return Verdict(outcome=OutcomeClass.ACCEPTED)
    if reply.code in LOGIN_WANTED:
        return _relay(reply, "login_wanted")
    if outcome.stage is Stage.MAIL and not _about_size(reply):
        return _relay(reply, "sender_refused")
    return Verdict(
        outcome=OutcomeClass.FAILED,
        permanent=reply.permanent,
        again=reply.code == 421,
    )


def _relay(reply: Reply, code: str) -> Verdict:
    return Verdict(outcome=OutcomeClass.FAILED, trouble=code, again=reply.temporary)


def _about_size(reply: Reply) -> bool:
    return reply.code == 552 or reply.enhanced == "5.3.4"
