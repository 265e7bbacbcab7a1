"""How a slice ends early, and what it promises meanwhile (SMTP-22, SMTP-26)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import pytest

from mailcore.engine.testing import ManualClock, MemoryOutbox
from mailcore.engine.types import Item, Lease, LeaseLost, Limits, Result
from mailcore.smtp.replies import Reply
from mailcore.smtp.session import Outcome, SmtpError, Stage
from mailcore.smtp.sink import Script, Sink, Step
from mailcore.smtp.stream import Feed
from tests.mailcore.engine.relay import compose, items, run, transports_to


def sent_to(sink: Sink) -> list[str]:
    return sorted(letter.rcpt_to for letter in sink.accepted)


async def test_stop_finishes_the_letters_in_hand_and_leaves_the_rest_pending() -> None:
    stop = asyncio.Event()
    outbox = MemoryOutbox(items(200))
    script = Script(steps={"dot": Step(delay=0.01)})
    async with Sink(script) as sink:
        task = asyncio.create_task(run(outbox, transports_to(sink), stop=stop))
        await asyncio.sleep(0.1)
        stop.set()
        report = await asyncio.wait_for(task, 2)

    states = outbox.states()
    assert not report.done
    assert not outbox.leased
    assert 0 < states["accepted"] < 200
    assert states["accepted"] + states["pending"] == 200
    assert len(sink.accepted) == states["accepted"]


async def test_a_stopped_slice_goes_on_where_it_was() -> None:
    stop = asyncio.Event()
    outbox = MemoryOutbox(items(100))
    async with Sink(Script(steps={"dot": Step(delay=0.005)})) as sink:
        task = asyncio.create_task(run(outbox, transports_to(sink), stop=stop))
        await asyncio.sleep(0.03)
        stop.set()
        await task
        report = await run(outbox, transports_to(sink))

    assert report.done
    assert outbox.states()["accepted"] == 100
    assert len(set(sent_to(sink))) == len(sink.accepted) == 100


async def test_after_a_stop_a_hanging_letter_becomes_unknown_within_the_grace() -> None:
    stop = asyncio.Event()
    outbox = MemoryOutbox(items(3))
    script = Script(dots={"r1@example.com": Step(hang=True)})
    limits = Limits(stop_grace_seconds=0.1, flush_seconds=0.05)
    async with Sink(script) as sink:
        task = asyncio.create_task(
            run(outbox, transports_to(sink, 1), stop=stop, limits=limits)
        )
        await asyncio.sleep(0.05)
        stop.set()
        report = await asyncio.wait_for(task, 2)

    assert report.counts == {"unknown": 1}
    assert outbox.states()["pending"] == 2


async def test_a_stop_while_connecting_does_not_wait() -> None:
    stop = asyncio.Event()
    outbox = MemoryOutbox(items(3))
    async with Sink(Script(steps={"banner": Step(hang=True)})) as sink:
        task = asyncio.create_task(run(outbox, transports_to(sink), stop=stop))
        await asyncio.sleep(0.05)
        stop.set()
        report = await asyncio.wait_for(task, 2)

    assert (report.done, report.trouble, outbox.states()["pending"]) == (False, None, 3)


class Greedy(MemoryOutbox):
    """Watches how far the intent runs ahead of the records."""

    most = 0

    async def advance(
        self, lease: Lease, *, results: Sequence[Result], cursor: int
    ) -> Mapping[int, str]:
        withdrawn = await super().advance(lease, results=results, cursor=cursor)
        self.most = max(self.most, self.states()["sending"])
        return withdrawn


async def test_no_more_than_ten_a_connection_are_ever_in_doubt() -> None:
    """SMTP-22"""
    outbox = Greedy(items(300))
    async with Sink() as sink:
        await run(outbox, transports_to(sink, 2))

    assert 0 < outbox.most <= 20


async def test_nothing_is_on_the_wire_before_the_cursor_has_passed_it() -> None:
    """SMTP-22"""
    outbox = MemoryOutbox(items(100))

    def checked(item: Item, now: datetime) -> object:
        assert item.position <= outbox.cursor
        return compose(item, now)

    async with Sink() as sink:
        report = await run(outbox, transports_to(sink), compose=checked)

    assert report.counts == {"accepted": 100}


async def test_a_lost_lease_stops_everything_at_once() -> None:
    """SMTP-26"""
    outbox = MemoryOutbox(items(200))
    async with Sink(Script(steps={"dot": Step(delay=0.01)})) as sink:
        task = asyncio.create_task(run(outbox, transports_to(sink)))
        await asyncio.sleep(0.08)
        outbox.lease()
        with pytest.raises(LeaseLost):
            await asyncio.wait_for(task, 2)

    assert outbox.leased
    assert sum(outbox.states().values()) == 200


async def test_the_lease_is_renewed_while_a_letter_takes_long() -> None:
    outbox = MemoryOutbox(items(1))
    limits = Limits(flush_seconds=0.01, renew_seconds=0.02)
    async with Sink(Script(steps={"dot": Step(delay=0.2)})) as sink:
        await run(outbox, transports_to(sink, 1), limits=limits)

    assert outbox.writes >= 5


async def test_a_bug_in_the_composer_comes_out_and_the_books_are_in_order() -> None:
    def broken(item: Item, now: datetime) -> object:
        if item.position == 4:
            raise TypeError("a bug")
        return compose(item, now)

    outbox = MemoryOutbox(items(10))
    async with Sink() as sink:
        with pytest.raises(TypeError):
            await run(outbox, transports_to(sink, 1), compose=broken)

    assert not outbox.leased
    states = outbox.states()
    assert (states["accepted"], states["sending"], states["pending"]) == (3, 1, 6)


class Listener:
    def __init__(self) -> None:
        self.seen = 0

    def recorded(self, results: Sequence[Result]) -> None:
        self.seen += len(results)


async def test_the_observer_hears_of_every_result() -> None:
    outbox, listener = MemoryOutbox(items(73)), Listener()
    async with Sink() as sink:
        await run(outbox, transports_to(sink), observer=listener)

    assert listener.seen == 73


def test_the_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock()
    before = clock.now()
    clock.advance(5)

    assert clock.monotonic() == 5
    assert (clock.now() - before).total_seconds() == 5


class Overtaken:
    """Two connections: the first breaks with a letter sent ahead, the second does not."""

    host, peer, tls = "post.example", "192.0.2.1", ""

    def __init__(self, *, breaks: bool, other_is_done: asyncio.Event) -> None:
        self.breaks, self.other_is_done = breaks, other_is_done

    async def open(self) -> None:
        pass

    async def stream(self, feed: Feed) -> None:
        if self.breaks:
            assert feed.next()
            assert feed.next()
            await self.other_is_done.wait()
            raise SmtpError("closed", stage=Stage.BODY, in_doubt=True)
        while given := feed.next():
            feed.answered(given[0], Outcome(stage=Stage.BODY, reply=Reply(code=250)))
        self.other_is_done.set()

    def abort(self) -> None:
        pass


async def test_a_letter_sent_ahead_and_overtaken_is_not_in_doubt_with_the_other() -> (
    None
):
    """SMTP-10: it failed for now, with what broke its connection."""
    outbox, event = MemoryOutbox(items(3)), asyncio.Event()
    both = [Overtaken(breaks=breaks, other_is_done=event) for breaks in (True, False)]
    report = await run(outbox, both, limits=Limits(breaks=1))

    assert report.trouble
    outcomes = {p: (r.outcome.value, r.reason) for p, r in outbox.attempts.items()}
    assert outcomes == {
        1: ("unknown", "closed"),
        2: ("failed", "closed"),
        3: ("accepted", ""),
    }
    assert not outbox.leased
