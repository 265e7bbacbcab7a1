"""What a reply means: stage first, then code, enhanced code, text (SMTP-16, SMTP-17).

    stage      2xx/354    421      4xx                    5xx
    MAIL       go on      again    again, then the relay  the relay's trouble
    RCPT       go on      again    failed for now         failed, see below
    DATA       go on      again    failed for now         failed, see below
    BODY       accepted   again    failed for now         failed, see below

"Again" is on a new connection, within the slice, a few times, and is no attempt.  A
5xx to MAIL is about us, so it never speaks against a recipient; 552 or 5.3.4 there is
about the letter's size.  530 and 535 anywhere ask for a login: the relay's trouble.

The kind (``classify``) refines that: codes decide, texts only where the codes leave it
open.  A text never makes a 4xx permanent.  It can make a 5xx one for now: what is about
our reputation or our rate (5.7.x, a blocklist, spam) says nothing about the mailbox.
What follows from a failure for now is decided by retry.py, which knows the schedule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mailcore.engine.types import OutcomeClass
from mailcore.smtp.replies import Reply
from mailcore.smtp.session import Outcome, Stage

__all__ = ["EFFECTS", "Effects", "Kind", "Verdict", "classify", "judge"]

LOGIN_WANTED = frozenset({530, 535, 538})


class Kind(StrEnum):
    """What an answer is about."""

    ACCEPTED = "accepted"
    GREYLISTED = "greylisted"  # "who are you? come again in a few minutes"
    MAILBOX_FULL = "mailbox_full"
    RATE_LIMITED = "rate_limited"  # we are too fast for this provider
    TEMPORARY = "temporary"  # any other 4xx
    NO_MAILBOX = "no_mailbox"
    POLICY = "policy"  # about us: blocklist, spam, authentication of the sender
    CONTENT = "content"  # about this letter: too big, not to be written as it is
    RELAY = "relay"  # our own server does not serve us
    REFUSED = "refused"  # any other 5xx


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """Whom an answer speaks against.

    ``recipient``: "" nobody, "soft" something passing, "hard" there is no such mailbox.
    ``transport``: "" nothing, "slow" send more slowly, "stop" pause, "look" a person
    should look at reputation or content.
    """

    recipient: str = ""
    transport: str = ""


EFFECTS: Mapping[Kind, Effects] = {
    Kind.ACCEPTED: Effects(),
    Kind.GREYLISTED: Effects(),
    Kind.MAILBOX_FULL: Effects(recipient="soft"),
    Kind.RATE_LIMITED: Effects(transport="slow"),
    Kind.TEMPORARY: Effects(),
    Kind.NO_MAILBOX: Effects(recipient="hard"),
    Kind.POLICY: Effects(transport="look"),
    Kind.CONTENT: Effects(transport="look"),
    Kind.RELAY: Effects(transport="stop"),
    Kind.REFUSED: Effects(recipient="soft"),
}
# A 5xx of these kinds holds only for now.
_PASSING = frozenset({Kind.POLICY, Kind.RATE_LIMITED, Kind.MAILBOX_FULL})

_GREYLISTED = re.compile(
    r"gr[ea]y-?list|try(?:ing)? again (?:in|after) \d+ ?(?:s|m)"
    r"|come back (?:later|in)|postgrey|deferred for policy reasons",
    re.IGNORECASE,
)
_RATE = re.compile(
    r"TSS0[0-9]|rate.?limit|too (?:many|fast|frequent|much mail)|throttl"
    r"|exceed\w* (?:the |your )?(?:rate|sending|hourly|daily)"
    r"|(?:message|letter|connection|sending)s? (?:rate|limit|quota)"
    r"|unusual (?:rate|volume|traffic)|slow down|ratelimit|max(?:imum)? messages? per",
    re.IGNORECASE,
)
_FULL = re.compile(
    r"(?:mail)?box (?:is |size )?(?:full|exceed|limit|over)|over ?quota|quota exceed"
    r"|exceed\w* (?:\w+ )?(?:storage|mailbox|disk)|out of storage"
    r"|insufficient (?:\w+ )?storage space.*mailbox|mailbox.*quota",
    re.IGNORECASE,
)
_NO_MAILBOX = re.compile(
    r"(?:user|mailbox|account|recipient|address|addressee|person)\b.{0,60}?"
    r"(?:unknown|not (?:be )?(?:found|exist|known|available|listed)|doesn'?t exist"
    r"|does not exist|unavailable|disabled|inactive|invalid|rejected|no longer)"
    r"|no such (?:user|mailbox|recipient|person|account|address|local)"
    r"|(?:unknown|invalid|nonexistent|non-existent) "
    r"(?:user|recipient|mailbox|address|local)|unrouteable address"
    r"|no mailbox (?:here )?by that name|terminated",
    re.IGNORECASE,
)
_POLICY = re.compile(
    r"spam|block(?:ed|list|ing)|black.?list|deny.?list|\bd?n?s?[rb]bl\b|spamhaus"
    r"|barracuda|spamcop|proofpoint|reputation|policy|suspicious|abus|unsolicited"
    r"|\bSPF\b|\bDKIM\b|\bDMARC\b|authenticat|reverse dns|\bPTR\b|not allowed to send"
    r"|listed (?:in|by|at)|banned|junk|bulk",
    re.IGNORECASE,
)
_RELAYING = re.compile(
    r"relay(?:ing)? (?:access )?(?:denied|not permitted|prohibited|not allowed)"
    r"|unable to relay|not permitted to relay",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``again`` = try once more before it counts; ``trouble`` = stop the run."""

    outcome: OutcomeClass
    kind: Kind
    permanent: bool = False
    reason: str = ""
    again: bool = False
    trouble: str = ""

    @property
    def effects(self) -> Effects:
        return EFFECTS[self.kind]


_ACCEPTED = Verdict(outcome=OutcomeClass.ACCEPTED, kind=Kind.ACCEPTED)


def judge(outcome: Outcome) -> Verdict:
    """Return what the answer to one letter means."""
    reply = outcome.reply
    if reply is None:
        return Verdict(
            outcome=OutcomeClass.FAILED,
            kind=Kind.CONTENT,
            permanent=True,
            reason=outcome.code,
        )
    if reply.ok and outcome.stage is Stage.BODY:
        return _ACCEPTED
    kind = classify(outcome.stage, reply)
    if reply.code in LOGIN_WANTED:
        return _relay(reply, "login_wanted")
    if kind is Kind.RELAY and outcome.stage is Stage.MAIL:
        return _relay(reply, "sender_refused")
    return Verdict(
        outcome=OutcomeClass.FAILED,
        kind=kind,
        permanent=reply.permanent and kind not in _PASSING,
        again=reply.code == 421,
    )


def _relay(reply: Reply, code: str) -> Verdict:
    return Verdict(
        outcome=OutcomeClass.FAILED,
        kind=Kind.RELAY,
        trouble=code,
        again=reply.temporary,
    )


def classify(stage: Stage | str, reply: Reply) -> Kind:
    """Return what an answer at that stage of a letter is about.

    Works as well on what was recorded: stage, code, enhanced code and text are all.
    """
    if reply.ok and stage == Stage.BODY:
        return Kind.ACCEPTED
    if reply.code in LOGIN_WANTED:
        return Kind.RELAY
    if stage == Stage.MAIL:
        return Kind.CONTENT if _about_size(reply) else Kind.RELAY
    return _temporary(reply) if reply.temporary else _permanent(stage, reply)


def _temporary(reply: Reply) -> Kind:
    if reply.enhanced == "4.2.2" or _FULL.search(reply.text):
        return Kind.MAILBOX_FULL
    if reply.code in (421, 450, 451) and _RATE.search(reply.text):
        return Kind.RATE_LIMITED
    if reply.code in (450, 451) and (
        reply.enhanced == "4.7.1" or _GREYLISTED.search(reply.text)
    ):
        return Kind.GREYLISTED
    return Kind.RATE_LIMITED if reply.enhanced == "4.7.28" else Kind.TEMPORARY


# Enhanced codes that say it all (RFC 3463, RFC 7504, RFC 7505).
_ENHANCED = {
    "5.1.1": Kind.NO_MAILBOX,
    "5.1.2": Kind.NO_MAILBOX,
    "5.1.3": Kind.NO_MAILBOX,
    "5.1.6": Kind.NO_MAILBOX,
    "5.1.10": Kind.NO_MAILBOX,
    "5.2.1": Kind.NO_MAILBOX,
    "5.2.2": Kind.MAILBOX_FULL,
    "5.2.3": Kind.CONTENT,
    "5.3.4": Kind.CONTENT,
    "5.7.28": Kind.RATE_LIMITED,
}


def _permanent(stage: Stage | str, reply: Reply) -> Kind:
    at_recipient = stage == Stage.RCPT
    known = _ENHANCED.get(reply.enhanced)
    if known and (at_recipient or known is not Kind.NO_MAILBOX):
        return known
    subject = reply.enhanced[:4]
    if subject == "5.6.":
        return Kind.CONTENT
    if subject == "5.7.":
        return _about_us(reply, at_recipient=at_recipient)
    return _by_text(reply, at_recipient=at_recipient)


def _about_us(reply: Reply, *, at_recipient: bool) -> Kind:
    """5.7.x is about us, but for those who say 5.7.1 to whatever they do not know."""
    if at_recipient and _NO_MAILBOX.search(reply.text):
        return Kind.POLICY if _POLICY.search(reply.text) else Kind.NO_MAILBOX
    return Kind.RATE_LIMITED if _RATE.search(reply.text) else Kind.POLICY


def _by_text(reply: Reply, *, at_recipient: bool) -> Kind:
    for kind, pattern in (
        (Kind.MAILBOX_FULL, _FULL),
        (Kind.RATE_LIMITED, _RATE),
        (Kind.POLICY, _RELAYING),
        (Kind.POLICY, _POLICY),
    ):
        if pattern.search(reply.text):
            return kind
    if at_recipient and (reply.code == 550 or _NO_MAILBOX.search(reply.text)):
        return Kind.NO_MAILBOX  # RFC 5321 §4.2.2: 550 mailbox unavailable
    return Kind.CONTENT if _about_size(reply) else Kind.REFUSED


def _about_size(reply: Reply) -> bool:
    return reply.code == 552 or reply.enhanced == "5.3.4"
