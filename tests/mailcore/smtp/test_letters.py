"""What is offered to a server, and how it arrives (MSG-06, MSG-12, SMTP-06, SMTP-08)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailcore.smtp.commands import body_bytes
from mailcore.smtp.session import SmtpError, Stage
from mailcore.smtp.sink import Script, Sink, Step
from tests.mailcore.smtp.dialogue import connect, letter


async def test_size_is_announced_and_a_letter_past_the_limit_is_not_offered() -> None:
    """SMTP-06"""
    async with Sink(Script(capabilities=("SIZE 30",))) as sink:
        session = await connect(sink)
        big = await session.send(letter(data=b"x" * 31))
        small = await session.send(letter())
        session.abort()

    assert (big.code, big.accepted, big.reply) == ("too_big", False, None)
    assert small.accepted
    assert sink.commands[1] == "MAIL FROM:<news@lavka.example> SIZE=22"
    assert len([line for line in sink.commands if line.startswith("MAIL")]) == 1


async def test_a_cyrillic_mailbox_needs_smtputf8_and_gets_it() -> None:
    """MSG-12"""
    async with Sink() as sink:
        session = await connect(sink)
        data = "To: иван@почта.рф\r\n\r\nпривет\r\n".encode()
        outcome = await session.send(letter("иван@почта.рф", data=data))
        session.abort()

    assert outcome.accepted
    assert " SMTPUTF8 BODY=8BITMIME" in sink.commands[1]
    assert sink.accepted[0].rcpt_to == "иван@почта.рф"
    assert sink.accepted[0].data == data


async def test_without_smtputf8_nothing_goes_on_the_wire_after_ehlo() -> None:
    """MSG-12"""
    async with Sink(Script(capabilities=("8BITMIME",))) as sink:
        session = await connect(sink)
        outcome = await session.send(letter("иван@почта.рф"))
        marked = await session.send(letter(smtputf8=True))
        session.abort()

    assert (outcome.code, marked.code) == ("eai_unsupported", "eai_unsupported")
    assert sink.commands == ["EHLO mail.lavka.example"]


async def test_eight_bit_data_is_not_sent_where_it_would_be_broken() -> None:
    """MSG-03"""
    async with Sink(Script(capabilities=())) as sink:
        session = await connect(sink)
        outcome = await session.send(letter(data="привет\r\n".encode()))
        session.abort()

    assert outcome.code == "needs_8bit"


@pytest.mark.parametrize(
    "address",
    ["", "a@b\r\nDATA", "a b@c", "<a@b", "a@b>", "a@\0b", "a@b\u2028"],
)
async def test_an_address_that_would_break_the_command_is_never_sent(
    address: str,
) -> None:
    """SMTP-08"""
    async with Sink() as sink:
        session = await connect(sink)
        outcome = await session.send(letter(address))
        if address:
            other = await session.send(letter(mail_from=address))
            assert (other.code, other.stage) == ("bad_address", Stage.MAIL)
        session.abort()

    assert (outcome.code, outcome.stage) == ("bad_address", Stage.RCPT)
    assert len(sink.commands) == 1


async def test_the_null_sender_is_allowed() -> None:
    async with Sink() as sink:
        session = await connect(sink)
        assert (await session.send(letter(mail_from=""))).accepted
        session.abort()

    assert sink.accepted[0].mail_from == ""


@pytest.mark.parametrize(
    "data",
    [b".\r\n", b"..\r\n", b"a\r\n.\r\nb\r\n", b"a\r\n.x\r\n..\r\n", b"no end", b""],
)
async def test_dots_arrive_as_they_were(data: bytes) -> None:
    """MSG-06"""
    async with Sink() as sink:
        session = await connect(sink)
        assert (await session.send(letter(data=data))).accepted
        session.abort()

    whole = data if data.endswith(b"\r\n") else data + b"\r\n"
    assert sink.accepted[0].data == whole


@given(
    st.lists(st.sampled_from([b".", b"..", b".x", b"x", b"", b"x."])).map(
        lambda lines: b"".join(line + b"\r\n" for line in lines)
    )
)
def test_stuffing_can_be_undone_and_hides_every_lone_dot(data: bytes) -> None:
    """MSG-06"""
    wire = body_bytes(data)

    assert wire.endswith(b".\r\n")
    inner = (b"\r\n" + wire).removesuffix(b".\r\n")
    assert b"\r\n.\r\n" not in inner
    assert inner.replace(b"\r\n..", b"\r\n.").removeprefix(b"\r\n") in (
        data,
        data + b"\r\n",
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=12))
def test_no_address_can_smuggle_a_command(text: str) -> None:
    """SMTP-08: whatever the address, the sink sees one MAIL and one RCPT or nothing."""

    async def check() -> list[str]:
        async with Sink() as sink:
            session = await connect(sink)
            await session.send(letter(f"{text}@example.com"))
            session.abort()
            return sink.commands

    verbs = [line.split(" ")[0] for line in asyncio.run(check())]
    assert verbs in (["EHLO"], ["EHLO", "MAIL", "RCPT", "DATA"])


async def test_a_letter_of_many_blocks_arrives_whole() -> None:
    """SMTP-12"""
    data = b"".join(b".%070d\r\n" % number for number in range(20_000))
    async with Sink() as sink:
        session = await connect(sink)
        assert (await session.send(letter(data=data))).accepted
        session.abort()

    assert sink.accepted[0].data == data


async def test_a_big_letter_cut_before_its_last_block_is_not_in_doubt() -> None:
    """SMTP-24"""
    data = b"x" * 70 + b"\r\n"
    async with Sink(Script(steps={"body": Step(reset=True)})) as sink:
        session = await connect(sink)
        with pytest.raises(SmtpError) as caught:
            await session.send(letter(data=data * 300_000))

    assert (caught.value.code, caught.value.in_doubt) == ("closed", False)


async def test_a_cancelled_letter_takes_its_session_along() -> None:
    async with Sink(Script(steps={"rcpt": Step(hang=True)})) as sink:
        session = await connect(sink)
        task = asyncio.create_task(session.send(letter()))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert not session.usable


async def test_quit_does_not_mind_a_server_that_is_gone() -> None:
    async with Sink(Script(steps={"quit": Step(drop=True)})) as sink:
        session = await connect(sink)
        await session.quit()
        await session.quit()
