"""Whether a failure for now is tried again, and when (SMTP-16, SMTP-18, SMTP-19).

1. A failure is *for now* when its result is not permanent and either no server spoke
   (the connection broke before the dot), or it answered 4xx, or it said that we are too
   fast, or our own relay refused to serve us.
2. The next try is due after the schedule's step: soon once for a greylisted letter,
   else 15, 30, 60 minutes, 2 and 4 hours, then every 7 hours, each ± 10 %.
3. When that is past the time to give up, or past the end of the offer, the failure is
   final: ``gave_up``.
4. A mailbox that is full at the third try, a day or more after the first, is a failure
   for good.

Everything is a function of what is handed in; the jitter comes from a seed, so that the
same delay is found again after a crash.  Delays are counted from the answer, not from
the time at which a try was due: a clock that jumps brings no crowd of tries.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailcore.engine.policy import Kind, classify
from mailcore.engine.types import OutcomeClass, Result
from mailcore.smtp.replies import Reply
from mailcore.smtp.session import Stage

__all__ = ["GAVE_UP", "Chain", "Decision", "Schedule", "decide", "settle"]

GAVE_UP = "gave_up"
FULL_FOR_GOOD_TRIES = 3
FULL_FOR_GOOD_AFTER = timedelta(days=1)


def _minutes(*numbers: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=number) for number in numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long after each try the next one is; the last step repeats."""

    steps: tuple[timedelta, ...] = _minutes(15, 30, 60, 120, 240, 420)
    greylisted: timedelta = timedelta(minutes=7)
    jitter: float = 0.1  # ± this part of the delay

    def delay(self, step: int, *, greylisted: bool, seed: str) -> timedelta:
        """Return the time from the ``step``-th try (0 is the first) to the next."""
        base = self.steps[min(step, len(self.steps) - 1)]
        if greylisted and step == 0:
            base = min(base, self.greylisted)
        return base * (1 + self.jitter * (2 * _fraction(f"{seed}:{step}") - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The tries of which this one is the ``step``-th, and how long they may go on."""

    step: int
    began_at: datetime
    ends_at: datetime | None
    give_up_after: timedelta  # nothing: never try again
    seed: str
    schedule: Schedule = Schedule()

    @property
    def over_at(self) -> datetime:
        over = self.began_at + self.give_up_after
        return min(over, self.ends_at) if self.ends_at else over


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a result comes to; ``due_in`` only for what is tried again."""

    outcome: OutcomeClass
    due_in: timedelta | None = None
    permanent: bool = False
    reason: str = ""


def decide(result: Result, chain: Chain) -> Decision:
    """Say what a result comes to at this point of its chain."""
    as_it_is = Decision(
        outcome=result.outcome, permanent=result.permanent, reason=result.reason
    )
    if not chain.give_up_after or not _for_now(result):
        return as_it_is
    kind = _kind(result)
    if kind is Kind.MAILBOX_FULL and _full_for_good(result, chain):
        return replace(as_it_is, permanent=True)
    due_in = chain.schedule.delay(
        chain.step, greylisted=kind is Kind.GREYLISTED, seed=chain.seed
    )
    if result.at + due_in > chain.over_at:
        return replace(as_it_is, reason=GAVE_UP)
    return replace(as_it_is, outcome=OutcomeClass.DEFERRED, due_in=due_in)


def settle(result: Result, chain: Chain) -> Result:
    """Return the result as it is to be recorded."""
    if result.outcome is not OutcomeClass.FAILED:
        return result
    decision = decide(result, chain)
    return replace(
        result,
        outcome=decision.outcome,
        permanent=decision.permanent,
        reason=decision.reason,
    )


def _for_now(result: Result) -> bool:
    if result.outcome is not OutcomeClass.FAILED or result.permanent:
        return False
    if result.code < 500:
        return True
    return _kind(result) in (Kind.RATE_LIMITED, Kind.RELAY)


def _kind(result: Result) -> Kind:
    if not result.code:
        return Kind.TEMPORARY
    lines = tuple(result.reply.split("\n"))
    reply = Reply(code=result.code, enhanced=result.enhanced, lines=lines)
    # A stage that is no letter's (a greeting, a login) is the relay's own affair.
    letter = result.stage in (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY)
    return classify(result.stage if letter else Stage.MAIL, reply)


def _full_for_good(result: Result, chain: Chain) -> bool:
    tries = chain.step + 1
    return (
        tries >= FULL_FOR_GOOD_TRIES
        and result.at - chain.began_at >= FULL_FOR_GOOD_AFTER
    )


def _fraction(seed: str) -> float:
    """Return a number from 0 up to 1, always the same for the same seed."""
    digest = hashlib.blake2b(seed.encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
