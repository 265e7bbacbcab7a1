"""What is written down about one try: events in, ``Result`` out."""

from __future__ import annotations

from datetime import datetime

from mailcore.engine.policy import Verdict
from mailcore.engine.ports import Transport
from mailcore.engine.types import Item, OutcomeClass, RelayTrouble, Result
from mailcore.smtp.session import Outcome, SmtpError

__all__ = [
    "answered",
    "bad_header",
    "broken",
    "refused_by_relay",
    "skipped",
    "trouble_of",
]


def answered(
    item: Item,
    outcome: Outcome,
    verdict: Verdict,
    *,
    transport: Transport,
    at: datetime,
    seconds: float,
) -> Result:
    """The server spoke, or we knew before asking that it cannot take the letter."""
    reply = outcome.reply
    return Result(
        delivery_id=item.delivery_id,
        position=item.position,
        outcome=verdict.outcome,
        permanent=verdict.permanent,
        code=reply.code if reply else 0,
        enhanced=reply.enhanced if reply else "",
        reply="\n".join(reply.lines) if reply else "",
        stage=outcome.stage,
        reason=verdict.reason or verdict.trouble,
        host=transport.host,
        peer=transport.peer,
        tls=transport.tls,
        queue_id=reply.queue_id if reply and outcome.accepted else "",
        at=at,
        duration_ms=int(seconds * 1000),
    )


def broken(item: Item, error: SmtpError, *, host: str, at: datetime) -> Result:
    """The connection broke: unknown once the dot was written, else failed for now."""
    reply = error.reply
    return Result(
        delivery_id=item.delivery_id,
        position=item.position,
        outcome=OutcomeClass.UNKNOWN if error.in_doubt else OutcomeClass.FAILED,
        code=reply.code if reply else 0,
        enhanced=reply.enhanced if reply else "",
        reply="\n".join(reply.lines) if reply else error.text,
        stage=error.stage.value,
        reason=error.code,
        host=host,
        at=at,
    )


def skipped(item: Item, reason: str, *, at: datetime, detail: str = "") -> Result:
    return Result(
        delivery_id=item.delivery_id,
        position=item.position,
        outcome=OutcomeClass.SKIPPED,
        reason=reason,
        reply=detail,
        at=at,
    )


def bad_header(item: Item, header: str, *, at: datetime) -> Result:
    """A value of this one recipient cannot stand in a header (MSG-20)."""
    return Result(
        delivery_id=item.delivery_id,
        position=item.position,
        outcome=OutcomeClass.FAILED,
        permanent=True,
        reason="bad_header",
        reply=header,
        at=at,
    )


def refused_by_relay(outcome: Outcome, verdict: Verdict) -> RelayTrouble:
    return RelayTrouble(
        code=verdict.trouble, stage=outcome.stage.value, reply=str(outcome.reply)
    )


def trouble_of(error: SmtpError) -> RelayTrouble:
    return RelayTrouble(
        code=error.code,
        stage=error.stage.value,
        text=error.text,
        reply=str(error.reply) if error.reply else "",
    )
