"""Letters over a real socket to the scripted server."""

from __future__ import annotations

import asyncio
import socket

import pytest

from mailcore.smtp.commands import helo_argument
from mailcore.smtp.session import Session, SmtpError, Stage
from mailcore.smtp.sink import Script, Sink, Step
from tests.mailcore.smtp.dialogue import connect, letter, route_to


async def refusal(sink: Sink, **over: object) -> SmtpError:
    with pytest.raises(SmtpError) as caught:
        await connect(sink, **over)
    return caught.value


async def test_a_letter_arrives_and_the_whole_reply_comes_back() -> None:
    """SMTP-05, SMTP-23"""
    async with Sink() as sink:
        session = await connect(sink)
        outcome = await session.send(letter())
        await session.quit()

    assert outcome.accepted
    assert outcome.reply
    assert str(outcome.reply) == "250 2.0.0 Ok: queued as SINK000001"
    assert outcome.reply.queue_id == "SINK000001"
    assert sink.accepted[0].rcpt_to == "anna@example.com"
    assert sink.accepted[0].data == b"Subject: hi\r\n\r\nhello\r\n"
    assert sink.commands[-1] == "QUIT"
    assert session.peer == "127.0.0.1"


async def test_many_letters_go_over_one_connection() -> None:
    async with Sink() as sink:
        session = await connect(sink)
        for number in range(20):
            assert (await session.send(letter(f"a{number}@example.com"))).accepted
        session.abort()

    assert (sink.connections, len(sink.accepted), session.sent) == (1, 20, 20)


async def test_small_packets_are_not_held_back() -> None:
    """SMTP-12"""
    async with Sink() as sink:
        session = await connect(sink)
        transport = session._wire._transport
        assert transport
        raw = transport.get_extra_info("socket")
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        session.abort()


@pytest.mark.parametrize(
    ("name", "address", "expected"),
    [
        ("mail.lavka.example", "10.0.0.1", "mail.lavka.example"),
        ("localhost", "10.0.0.1", "[10.0.0.1]"),
        ("my.localhost", "10.0.0.1", "[10.0.0.1]"),
        ("10.0.0.12", "10.0.0.1", "[10.0.0.1]"),
        ("", "::1", "[IPv6:::1]"),
        ("bad name\r\n", "fe80::1%eth0", "[IPv6:fe80::1]"),
    ],
)
def test_we_greet_with_a_full_name_or_an_address_literal(
    name: str, address: str, expected: str
) -> None:
    """SMTP-01"""
    assert helo_argument(name, address) == expected


async def test_helo_is_said_only_after_ehlo_was_refused() -> None:
    """SMTP-01"""
    async with Sink(Script(steps={"ehlo": Step("502 5.5.1 what?")})) as sink:
        session = await connect(sink)
        assert (await session.send(letter())).accepted
        session.abort()

    assert sink.commands[:2] == ["EHLO mail.lavka.example", "HELO mail.lavka.example"]
    assert sink.commands[2] == "MAIL FROM:<news@lavka.example>"


@pytest.mark.parametrize(
    ("steps", "stage", "code"),
    [
        ({"banner": Step("421 4.3.2 busy")}, Stage.GREETING, "refused"),
        ({"banner": Step("554 go away")}, Stage.GREETING, "refused"),
        ({"banner": Step("hello there")}, Stage.GREETING, "protocol"),
        ({"banner": Step(drop=True)}, Stage.GREETING, "closed"),
        ({"banner": Step(reset=True)}, Stage.GREETING, "closed"),
        ({"ehlo": Step("451 4.3.0 later")}, Stage.EHLO, "refused"),
        ({"ehlo": Step("550 no"), "helo": Step("550 no")}, Stage.EHLO, "refused"),
        ({"ehlo": Step(b"250-" + b"x" * 70_000)}, Stage.EHLO, "protocol"),
        ({"ehlo": Step("250-a\r\n550 b")}, Stage.EHLO, "protocol"),
    ],
)
async def test_a_server_that_does_not_let_us_in_is_reported_with_its_stage(
    steps: dict[str, Step], stage: Stage, code: str
) -> None:
    async with Sink(Script(steps=steps)) as sink:
        error = await refusal(sink)

    assert (error.stage, error.code, error.in_doubt) == (stage, code, False)
    assert stage.value in str(error)


async def test_a_closed_port_and_an_unknown_host_are_told_apart() -> None:
    async with Sink() as sink:
        route = route_to(sink)

    assert (await refusal(sink)).code == "connect_refused"
    with pytest.raises(SmtpError) as caught:
        await Session.connect(route_to(sink, host="no-such-host.invalid"))
    assert caught.value.code == "dns"
    with pytest.raises(SmtpError) as caught:
        await Session.connect(route_to(sink, host="a" * 70 + ".example"))
    assert caught.value.code == "dns"
    assert "password" not in repr(route)


async def test_an_address_may_be_forbidden_before_it_is_connected_to() -> None:
    """SEC-08: the check sees the address that is used, not only the name."""

    def forbid(address: str) -> None:
        raise SmtpError("address_forbidden", stage=Stage.CONNECT, text=address)

    async with Sink() as sink:
        error = await refusal(sink, check_peer=forbid)

    assert (error.code, error.text, sink.connections) == (
        "address_forbidden",
        "127.0.0.1",
        0,
    )


async def test_a_silent_server_runs_into_the_time_limit() -> None:
    """SMTP-04"""
    async with Sink(Script(steps={"banner": Step(hang=True)})) as sink:
        base = route_to(sink).timeouts
        quick = type(base)(greeting=0.05)
        error = await refusal(sink, timeouts=quick)

    assert (error.stage, error.code) == (Stage.GREETING, "timeout")


async def test_a_slow_server_within_the_limit_is_waited_for() -> None:
    """The one timer moves on with each command: four waits are longer than one limit."""
    steps = {stage: Step(delay=0.5) for stage in ("mail", "rcpt", "data", "dot")}
    async with Sink(Script(steps=steps)) as sink:
        quick = type(route_to(sink).timeouts)(
            greeting=1.8, ehlo=1.8, mail=1.8, rcpt=1.8, data=1.8, dot=1.8
        )
        session = await connect(sink, timeouts=quick)
        assert (await session.send(letter())).accepted
        await session.quit()


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        ("mail", "550 5.7.1 sender refused"),
        ("rcpt", "550 5.1.1 no such user"),
        ("rcpt", "451 4.7.1 greylisted"),
        ("data", "554 5.5.1 no"),
        ("dot", "554 5.7.1 spam"),
        ("dot", "452 4.2.2 full"),
    ],
)
async def test_a_refusal_is_a_value_and_the_session_goes_on(
    stage: str, text: str
) -> None:
    """SMTP-17"""

    def once(at: str, argument: str, count: int) -> Step | None:
        return Step(text) if at == stage and count == 1 else None

    async with Sink(Script(choose=once)) as sink:
        session = await connect(sink)
        refused = await session.send(letter())
        accepted = await session.send(letter("boris@example.com"))
        session.abort()

    assert not refused.accepted
    assert refused.stage.value == {"dot": "body"}.get(stage, stage)
    assert str(refused.reply) == text
    assert accepted.accepted
    assert len(sink.accepted) == 1


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
async def test_after_421_the_session_is_closed_and_the_letter_not_in_doubt(
    stage: str,
) -> None:
    """SMTP-14"""
    async with Sink(Script(steps={stage: Step("421 4.3.2 shutting down")})) as sink:
        session = await connect(sink)
        outcome = await session.send(letter())

    assert outcome.reply
    assert outcome.reply.code == 421
    assert not session.usable


@pytest.mark.parametrize(
    ("stage", "in_doubt"),
    [("mail", False), ("rcpt", False), ("data", False), ("body", True), ("dot", True)],
)
@pytest.mark.parametrize("step", [Step(drop=True), Step(reset=True)])
async def test_a_letter_is_in_doubt_only_once_its_dot_was_written(
    stage: str, in_doubt: bool, step: Step
) -> None:
    """SMTP-24: a small letter and its dot leave in one write."""
    async with Sink(Script(steps={stage: step})) as sink:
        session = await connect(sink)
        with pytest.raises(SmtpError) as caught:
            await session.send(letter())

    assert (caught.value.code, caught.value.in_doubt) == ("closed", in_doubt)
    assert not session.usable


async def test_no_reply_to_the_dot_in_time_is_doubt() -> None:
    """SMTP-24"""
    async with Sink(Script(steps={"dot": Step(hang=True)})) as sink:
        quick = type(route_to(sink).timeouts)(dot=0.05)
        session = await connect(sink, timeouts=quick)
        with pytest.raises(SmtpError) as caught:
            await session.send(letter())

    assert (caught.value.code, caught.value.in_doubt) == ("timeout", True)


@pytest.mark.parametrize(
    ("stage", "text", "in_doubt"),
    [
        ("rcpt", "354 what", False),
        ("data", "250 what", False),
        ("dot", "354 what", True),
        ("dot", "nonsense", True),
    ],
)
async def test_a_reply_out_of_order_ends_the_session(
    stage: str, text: str, in_doubt: bool
) -> None:
    async with Sink(Script(steps={stage: Step(text)})) as sink:
        session = await connect(sink)
        with pytest.raises(SmtpError) as caught:
            await session.send(letter())

    assert (caught.value.code, caught.value.in_doubt) == ("protocol", in_doubt)


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("250 Ok\r\n250 twice", "protocol"),
        ("250 Ok\r\n421 bye", "closed"),
        ("250 Ok\r\n25", "protocol"),
    ],
)
async def test_a_line_that_nobody_asked_for_is_noticed_before_the_next_letter(
    extra: str, code: str
) -> None:
    raw = extra.encode() if extra.endswith("25") else extra.encode() + b"\r\n"
    async with Sink(Script(steps={"dot": Step(raw)})) as sink:
        session = await connect(sink)
        assert (await session.send(letter())).accepted
        await asyncio.sleep(0.01)
        assert not session.usable
        with pytest.raises(SmtpError) as caught:
            await session.send(letter("boris@example.com"))

    assert (caught.value.code, caught.value.in_doubt) == (code, False)


async def test_a_refused_reset_ends_the_session() -> None:
    steps = {"rcpt": Step("550 no"), "rset": Step("500 what")}
    async with Sink(Script(steps=steps)) as sink:
        session = await connect(sink)
        await session.send(letter())
        with pytest.raises(SmtpError):
            await session.send(letter())


async def test_replies_in_one_byte_packets_and_multi_line_are_understood() -> None:
    steps = {
        "mail": Step("250 2.1.0 Ok", bytewise=True),
        "dot": Step("250-2.0.0 first\r\n250 2.0.0 second", bytewise=True),
    }
    async with Sink(Script(steps=steps)) as sink:
        session = await connect(sink)
        outcome = await session.send(letter())
        session.abort()

    assert outcome.reply
    assert outcome.reply.text == "first second"
