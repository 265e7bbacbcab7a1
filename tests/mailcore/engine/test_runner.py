"""One slice over real sockets (SMTP-21, SMTP-22, SMTP-24)."""

from __future__ import annotations

import pytest

from mailcore.engine.testing import MemoryOutbox
from mailcore.engine.types import Item
from mailcore.smtp.sink import Script, Sink, Step
from tests.mailcore.engine.relay import items, run, transports_to


def sent_to(sink: Sink) -> list[str]:
    return sorted(letter.rcpt_to for letter in sink.accepted)


async def test_a_slice_is_sent_once_to_everybody_over_all_connections() -> None:
    outbox = MemoryOutbox(items(500))
    async with Sink() as sink:
        report = await run(outbox, transports_to(sink))

    assert report.done
    assert outbox.done
    assert report.counts == {"accepted": 500}
    assert outbox.states()["accepted"] == 500
    assert sent_to(sink) == sorted(item.email for item in outbox.items.values())
    assert sink.connections >= 5


async def test_the_attempt_holds_all_that_is_known() -> None:
    """SMTP-05"""
    outbox = MemoryOutbox(items(1))
    async with Sink() as sink:
        await run(outbox, transports_to(sink, 1))

    attempt = outbox.attempts[1]
    assert (attempt.code, attempt.enhanced) == (250, "2.0.0")
    assert attempt.reply == "Ok: queued as SINK000001"
    assert (attempt.queue_id, attempt.stage) == ("SINK000001", "body")
    assert (attempt.host, attempt.peer, attempt.tls) == ("127.0.0.1", "127.0.0.1", "")
    assert (attempt.delivery_id, attempt.duration_ms >= 0) == (101, True)


async def test_an_empty_slice_is_done_without_a_connection() -> None:
    outbox = MemoryOutbox([])
    async with Sink() as sink:
        report = await run(outbox, transports_to(sink))

    assert (report.done, sink.connections) == (True, 0)


async def test_refusals_are_recorded_and_the_slice_goes_on() -> None:
    """SMTP-17"""
    script = Script(
        recipients={
            "r2@example.com": Step("550 5.1.1 no such user"),
            "r3@example.com": Step("450 4.7.1 greylisted"),
        },
        dots={"r4@example.com": Step("554-5.7.1 spam\r\n554 5.7.1 go away")},
    )
    outbox = MemoryOutbox(items(6))
    async with Sink(script) as sink:
        report = await run(outbox, transports_to(sink, 2))

    assert report.done
    assert report.counts == {"accepted": 3, "failed": 3}
    failed = outbox.attempts
    assert (failed[2].permanent, failed[2].stage, failed[2].code) == (True, "rcpt", 550)
    assert (failed[3].permanent, failed[3].enhanced) == (False, "4.7.1")
    assert failed[4].reply == "spam\ngo away"


async def test_a_letter_that_cannot_be_written_is_skipped_or_failed() -> None:
    """MSG-20"""
    rows = items(4)
    rows[0] = Item(delivery_id=1, position=1, email="a@b.c", values={"missing": "city"})
    rows[1] = Item(delivery_id=2, position=2, email="a@b.c", values={"bad": "1"})
    rows[2] = Item(delivery_id=3, position=3, email="a@b.c", skip="deleted")
    outbox = MemoryOutbox(rows)
    async with Sink() as sink:
        report = await run(outbox, transports_to(sink))

    assert report.done
    assert report.counts == {"accepted": 1, "failed": 1, "skipped": 2}
    reasons = {p: (r.reason, r.reply) for p, r in outbox.attempts.items() if r.reason}
    assert reasons == {
        1: ("missing_data", "city"),
        2: ("bad_header", "Subject"),
        3: ("deleted", ""),
    }


async def test_a_cyrillic_mailbox_fails_alone_where_the_server_cannot_take_it() -> None:
    """MSG-12"""
    rows = items(2)
    rows[0] = Item(delivery_id=1, position=1, email="иван@почта.рф")
    outbox = MemoryOutbox(rows)
    async with Sink(Script(capabilities=("8BITMIME",))) as sink:
        report = await run(outbox, transports_to(sink, 1))

    assert report.counts == {"accepted": 1, "failed": 1}
    assert outbox.attempts[1].reason == "eai_unsupported"


async def test_a_relay_that_is_down_ends_the_slice_and_nobody_is_marked() -> None:
    outbox = MemoryOutbox(items(50))
    async with Sink() as sink:
        transports = transports_to(sink)
    report = await run(outbox, transports)

    assert report.trouble
    assert (report.trouble.code, report.trouble.stage) == ("connect_refused", "connect")
    assert (report.done, outbox.leased, outbox.done) == (False, False, False)
    assert (outbox.states()["pending"], outbox.cursor) == (50, 0)


@pytest.mark.parametrize(
    ("steps", "code", "stage"),
    [
        ({"banner": Step("554 5.7.1 your address is blocked")}, "refused", "greeting"),
        ({"banner": Step("hello")}, "protocol", "greeting"),
        ({"auth": Step("535 5.7.8 bad")}, "auth_refused", "auth"),
    ],
)
async def test_the_first_connection_speaks_for_all(
    steps: dict[str, Step], code: str, stage: str
) -> None:
    """A refused login is tried once, not once per connection."""
    outbox = MemoryOutbox(items(50))
    login = {"username": "u", "password": "p"}
    async with Sink(Script(steps=steps, users={"u": "p"})) as sink:
        report = await run(outbox, transports_to(sink, 5, **login))

    assert report.trouble
    assert (report.trouble.code, report.trouble.stage) == (code, stage)
    assert (outbox.states()["pending"], sink.connections) == (50, 1)


async def test_a_refused_sender_ends_the_slice_with_the_servers_words() -> None:
    """SMTP-17: a 5xx at MAIL never speaks against a recipient."""
    steps = {"mail": Step("550 5.7.1 not your address")}
    outbox = MemoryOutbox(items(50))
    async with Sink(Script(steps=steps)) as sink:
        report = await run(outbox, transports_to(sink))

    assert report.trouble
    assert report.trouble.code == "sender_refused"
    assert report.trouble.reply == "550 5.7.1 not your address"
    states = outbox.states()
    assert states["failed"] <= 5
    assert states["failed"] + states["pending"] == 50
    assert not any(attempt.permanent for attempt in outbox.attempts.values())


async def test_fewer_connections_than_wanted_are_enough() -> None:
    def two_only(stage: str, argument: str, count: int) -> Step | None:
        busy = stage == "banner" and count > 2
        return Step("421 4.7.0 too many connections") if busy else None

    outbox = MemoryOutbox(items(90))
    async with Sink(Script(choose=two_only)) as sink:
        report = await run(outbox, transports_to(sink))

    assert report.counts == {"accepted": 90}
    assert report.done


async def test_a_limit_of_letters_per_connection_costs_nobody_an_attempt() -> None:
    """SMTP-13"""
    outbox = MemoryOutbox(items(60))
    async with Sink(Script(letters_per_connection=7)) as sink:
        report = await run(outbox, transports_to(sink, 2))

    assert report.counts == {"accepted": 60}
    assert sink.connections >= 8


async def test_a_connection_that_breaks_before_the_dot_costs_nobody_an_attempt() -> (
    None
):
    """SMTP-24: certainly not sent, so it is offered again."""

    def now_and_then(stage: str, argument: str, count: int) -> Step | None:
        return Step(drop=True) if stage == "data" and count % 7 == 0 else None

    outbox = MemoryOutbox(items(60))
    async with Sink(Script(choose=now_and_then)) as sink:
        report = await run(outbox, transports_to(sink, 3))

    assert report.counts == {"accepted": 60}
    assert len(set(sent_to(sink))) == len(sent_to(sink)) == 60


async def test_a_letter_that_always_breaks_the_connection_fails_alone() -> None:
    script = Script(recipients={"r5@example.com": Step(drop=True)})
    outbox = MemoryOutbox(items(20))
    async with Sink(script) as sink:
        report = await run(outbox, transports_to(sink, 1))

    assert report.done
    assert report.counts == {"accepted": 19, "failed": 1}
    attempt = outbox.attempts[5]
    assert (attempt.reason, attempt.stage, attempt.permanent) == (
        "closed",
        "rcpt",
        False,
    )
    assert sink.reached["rcpt"] == 19 + 3


async def test_a_relay_that_drops_every_letter_is_trouble_and_they_stay_pending() -> (
    None
):
    outbox = MemoryOutbox(items(50))
    async with Sink(Script(steps={"mail": Step(drop=True)})) as sink:
        report = await run(outbox, transports_to(sink))

    assert report.trouble
    assert (report.trouble.code, report.trouble.stage) == ("closed", "mail")
    assert outbox.states()["pending"] + outbox.states()["failed"] == 50
    assert outbox.states()["unknown"] == 0


async def test_a_server_that_says_421_again_and_again_is_trouble() -> None:
    outbox = MemoryOutbox(items(50))
    async with Sink(Script(steps={"rcpt": Step("421 4.3.2 bye")})) as sink:
        report = await run(outbox, transports_to(sink))

    assert report.trouble
    assert report.trouble.reply == "421 4.3.2 bye"
    assert outbox.states()["sending"] == 0


@pytest.mark.parametrize(
    "reply", ["530 5.7.0 login", "550 5.7.1 sender refused", "451 4.3.0 later"]
)
async def test_a_server_that_refuses_us_costs_no_recipient_a_try(reply: str) -> None:
    """SMTP-03: pause the transport, not the recipients: all of them are pending."""
    outbox = MemoryOutbox(items(50))
    async with Sink(Script(steps={"mail": Step(reply)})) as sink:
        report = await run(outbox, transports_to(sink))

    assert report.trouble
    assert report.trouble.stage == "mail"
    assert not report.done
    assert outbox.states()["pending"] == 50


async def test_a_connection_that_breaks_behind_the_dot_leaves_an_unknown() -> None:
    """SMTP-24: it is never offered again by itself."""
    script = Script(dots={"r3@example.com": Step(drop=True)})
    outbox = MemoryOutbox(items(10))
    async with Sink(script) as sink:
        report = await run(outbox, transports_to(sink, 2))

    assert report.done
    assert report.counts == {"accepted": 9, "unknown": 1}
    assert outbox.attempts[3].reason == "closed"
    assert sent_to(sink).count("r3@example.com") == 1
