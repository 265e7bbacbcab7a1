"""What happens before a letter is offered: signatures, and limits that hold it back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from mailcore.engine.ports import Signer
from mailcore.engine.testing import MemoryOutbox
from mailcore.engine.types import Grant, Item, Limits, Result
from mailcore.smtp.session import Envelope
from mailcore.smtp.sink import Script, Sink, Step
from tests.mailcore.engine.relay import items, run, transports_to


@pytest.fixture
def signers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def signed(envelope: Envelope) -> Envelope:
    assert threading.current_thread() is not threading.main_thread()
    return replace(envelope, data=b"DKIM-Signature: x\r\n" + envelope.data)


async def test_letters_are_signed_in_threads_and_everybody_gets_one(
    signers: ThreadPoolExecutor,
) -> None:
    outbox = MemoryOutbox(items(200))
    async with Sink() as sink:
        report = await run(outbox, transports_to(sink), sign=signed, signers=signers)

    assert report.done
    assert outbox.states()["accepted"] == 200
    assert all(one.data.startswith(b"DKIM-Signature") for one in sink.accepted)


async def test_a_slow_signature_holds_nobody_else_s_place_in_the_ledger(
    signers: ThreadPoolExecutor,
) -> None:
    """Letters leave in their order, so that the cursor can go back at a stop."""

    def slowly(envelope: Envelope) -> Envelope:
        time.sleep(0.02 if envelope.rcpt_to == "r1@example.com" else 0)
        return envelope

    outbox = MemoryOutbox(items(40))
    async with Sink() as sink:
        await run(outbox, transports_to(sink, 1), sign=slowly, signers=signers)

    assert [one.rcpt_to for one in sink.accepted] == [
        item.email for item in outbox.items.values()
    ]


async def test_what_cannot_be_composed_is_not_signed(
    signers: ThreadPoolExecutor,
) -> None:
    rows = items(3)
    rows[1] = Item(delivery_id=2, position=2, email="a@b.c", values={"missing": "city"})
    outbox = MemoryOutbox(rows)
    async with Sink() as sink:
        report = await run(outbox, transports_to(sink), sign=signed, signers=signers)

    assert report.counts == {"accepted": 2, "skipped": 1}


async def test_a_signature_that_fails_is_a_bug_and_the_books_are_in_order(
    signers: ThreadPoolExecutor,
) -> None:
    def broken(envelope: Envelope) -> Envelope:
        if envelope.rcpt_to == "r4@example.com":
            raise ValueError("no key")
        return envelope

    outbox = MemoryOutbox(items(10))
    async with Sink() as sink:
        with pytest.raises(ValueError, match="no key"):
            await run(outbox, transports_to(sink, 1), sign=broken, signers=signers)

    states = outbox.states()
    assert not outbox.leased
    assert (states["accepted"], states["sending"], states["pending"]) == (3, 1, 6)


class Dole:
    """Lets out a few letters at a time; ``wait`` is what it says when asked too soon."""

    def __init__(self, *grants: Grant) -> None:
        self.grants = list(grants)
        self.asked: list[tuple[int, int]] = []
        self.codes: list[int] = []

    async def reserve(self, count: int, *, in_flight: int) -> Grant:
        self.asked.append((count, in_flight))
        grant = self.grants.pop(0) if self.grants else Grant(count=count)
        return Grant(count=min(count, grant.count), wait=grant.wait)

    def heard(self, result: Result, *, again: bool = False) -> None:
        self.codes.append(result.code)


async def test_a_limit_lets_letters_out_in_portions_and_hears_every_answer() -> None:
    """PRV-03"""
    outbox = MemoryOutbox(items(30))
    dole = Dole(*[Grant(count=3, wait=0.01)] * 5)
    async with Sink() as sink:
        report = await run(outbox, transports_to(sink, 2), pacer=dole)

    assert report.done
    assert (len(dole.codes), outbox.states()["accepted"]) == (30, 30)
    assert dole.asked[0] == (20, 0)
    assert len(dole.asked) >= 6


async def test_a_server_that_says_once_that_we_are_too_fast_is_heard_at_once() -> None:
    """SMTP-14: its 421 is not recorded, and the letter goes over a new connection."""
    said: list[str] = []

    def choose(stage: str, argument: str, count: int) -> Step | None:
        if stage != "rcpt" or said:
            return None
        said.append(argument)
        return Step("421 4.7.0 [TSS04] Messages temporarily deferred")

    outbox = MemoryOutbox(items(3))
    dole = Dole()
    async with Sink(Script(choose=choose)) as sink:
        report = await run(outbox, transports_to(sink, 1), pacer=dole)

    assert report.done
    assert outbox.states()["accepted"] == 3
    assert dole.codes == [421, 250, 250, 250]


async def test_a_limit_that_holds_for_long_ends_the_slice_and_costs_nobody_a_place() -> (
    None
):
    """PRV-03: others can use the connections meanwhile."""
    outbox = MemoryOutbox(items(30))
    dole = Dole(Grant(count=4), Grant(count=0, wait=3600))
    async with Sink() as sink:
        report = await run(
            outbox,
            transports_to(sink, 2),
            pacer=dole,
            limits=Limits(patience_seconds=0.5),
        )

    assert not report.done
    assert report.wait == pytest.approx(3600, abs=5)
    assert not outbox.leased
    states = outbox.states()
    assert (states["accepted"], states["pending"], outbox.cursor) == (4, 26, 4)


@pytest.mark.parametrize("sign", [None, signed])
async def test_who_is_withdrawn_is_skipped_even_when_the_letter_was_signed(
    signers: ThreadPoolExecutor, sign: Signer | None
) -> None:
    """MSG-25"""
    outbox = MemoryOutbox(items(30))
    outbox.withdrawn = {2: "unsubscribed", 30: "recipient_deleted"}
    async with Sink() as sink:
        report = await run(
            outbox, transports_to(sink), sign=sign, signers=signers if sign else None
        )

    assert report.done
    assert report.counts == {"accepted": 28, "skipped": 2}
    assert outbox.attempts[2].reason == "unsubscribed"
    assert {"r2@example.com", "r30@example.com"}.isdisjoint(
        one.rcpt_to for one in sink.accepted
    )


async def test_a_letter_that_cannot_be_signed_takes_no_other_along(
    signers: ThreadPoolExecutor,
) -> None:
    """Letters are signed several at a time: the one with the error is the lost one."""

    def broken_for_the_fourth(envelope: Envelope) -> Envelope:
        if envelope.rcpt_to == "r4@example.com":
            raise ZeroDivisionError
        return signed(envelope)

    outbox = MemoryOutbox(items(5))
    async with Sink() as sink:
        with pytest.raises(ZeroDivisionError):
            await run(
                outbox,
                transports_to(sink, 1),
                sign=broken_for_the_fourth,
                signers=signers,
            )

    assert [one.rcpt_to for one in sink.accepted] == [
        f"r{number}@example.com" for number in (1, 2, 3)
    ]
    assert outbox.states()["accepted"] == 3
