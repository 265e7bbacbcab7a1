"""A slice, a composer and ways to send it, over the sink or over a double."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from mailcore.compose import HeaderError
from mailcore.engine.runner import deliver
from mailcore.engine.testing import MemoryOutbox
from mailcore.engine.types import Item, Limits, SliceReport
from mailcore.personalise import MissingValue
from mailcore.smtp.pool import SmtpTransport
from mailcore.smtp.replies import Reply
from mailcore.smtp.session import Envelope, Outcome, SmtpError, Stage
from mailcore.smtp.sink import Sink
from mailcore.smtp.stream import Feed
from tests.mailcore.smtp.dialogue import route_to


class RealClock:
    def now(self) -> datetime:
        return datetime.now().astimezone()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


def items(count: int, **over: Any) -> list[Item]:
    return [
        Item(delivery_id=100 + n, position=n, email=f"r{n}@example.com", **over)
        for n in range(1, count + 1)
    ]


def compose(item: Item, now: datetime) -> Envelope:
    if item.values.get("missing"):
        raise MissingValue(item.values["missing"])
    if item.values.get("bad"):
        raise HeaderError("Subject", "control")
    data = f"To: {item.email}\r\n\r\nhello\r\n".encode()
    return Envelope(mail_from="news@lavka.example", rcpt_to=item.email, data=data)


async def run(
    outbox: MemoryOutbox,
    transports: Sequence[Any],
    *,
    stop: asyncio.Event | None = None,
    limits: Limits | None = None,
    **over: Any,
) -> SliceReport:
    return await deliver(
        outbox.lease(),
        outbox=outbox,
        transports=transports,
        compose=over.pop("compose", compose),
        clock=RealClock(),
        stop=stop or asyncio.Event(),
        limits=limits,
        **over,
    )


def transports_to(sink: Sink, count: int = 5, **over: Any) -> list[SmtpTransport]:
    return [SmtpTransport(route_to(sink, **over)) for _ in range(count)]


class Post:
    """A relay in memory: counts what it took, and asks ``fault`` what to do next."""

    def __init__(self, fault: Callable[[str], str]) -> None:
        self.fault = fault
        self.taken: list[str] = []

    def transports(self, count: int) -> list[PostTransport]:
        return [PostTransport(self) for _ in range(count)]


class PostTransport:
    host, peer, tls = "post.example", "192.0.2.1", "TLSv1.3"

    def __init__(self, post: Post) -> None:
        self.post = post

    async def open(self) -> None:
        await asyncio.sleep(0)
        if self.post.fault("open") == "refuse":
            raise SmtpError("connect_refused", stage=Stage.CONNECT)

    async def stream(self, feed: Feed) -> None:
        given = feed.next()
        while given:
            tag, envelope = given
            # The next one is on its way before this one is answered (SMTP-10).
            ahead = feed.next()
            outcome = await self.send(envelope)
            feed.answered(tag, outcome)
            if outcome.reply and outcome.reply.code == 421:
                return
            given = ahead or feed.next()

    async def send(self, envelope: Envelope) -> Outcome:
        await asyncio.sleep(0)
        fault = self.post.fault("send")
        if fault == "before":
            raise SmtpError("closed", stage=Stage.RCPT)
        if fault in REPLIES:
            stage, reply = REPLIES[fault]
            return Outcome(stage=stage, reply=reply)
        if fault != "lost":
            self.post.taken.append(envelope.rcpt_to)
        if fault in ("after", "lost"):
            raise SmtpError("closed", stage=Stage.BODY, in_doubt=True)
        return Outcome(stage=Stage.BODY, reply=Reply(code=250))

    def abort(self) -> None:
        pass


REPLIES = {
    "5xx": (Stage.RCPT, Reply(code=550)),
    "4xx": (Stage.BODY, Reply(code=452)),
    "421": (Stage.DATA, Reply(code=421)),
    "sender": (Stage.MAIL, Reply(code=550)),
}
FAULTS = ["", "", "", "", "before", "after", "lost", *REPLIES]
