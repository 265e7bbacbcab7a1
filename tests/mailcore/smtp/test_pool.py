"""How long one session serves (SMTP-13)."""

from __future__ import annotations

import asyncio

import pytest

from mailcore.smtp.pool import Reuse, SmtpTransport
from mailcore.smtp.session import SmtpError, Stage
from mailcore.smtp.sink import Script, Sink, Step
from mailcore.smtp.stream import OneLetter
from tests.mailcore.smtp.dialogue import letter, route_to


async def send(transport: SmtpTransport, count: int) -> None:
    for _ in range(count):
        await transport.open()
        await send_one(transport)


async def send_one(transport: SmtpTransport) -> None:
    one = OneLetter(letter())
    await transport.stream(one)
    assert one.outcome
    assert one.outcome.accepted


async def test_a_session_is_kept_between_letters() -> None:
    async with Sink() as sink:
        transport = SmtpTransport(route_to(sink))
        await send(transport, 5)
        await transport.close()
        await transport.close()

    assert (sink.connections, transport.peer, transport.tls) == (1, "127.0.0.1", "")
    assert sink.commands.count("QUIT") == 1


async def test_after_so_many_letters_a_new_one_is_opened() -> None:
    async with Sink() as sink:
        transport = SmtpTransport(route_to(sink), reuse=Reuse(letters=2))
        await send(transport, 5)
        transport.abort()

    assert sink.connections == 3


@pytest.mark.parametrize("reuse", [Reuse(age=0.01), Reuse(idle=0.01)])
async def test_an_old_or_idle_session_is_not_trusted(reuse: Reuse) -> None:
    async with Sink() as sink:
        transport = SmtpTransport(route_to(sink), reuse=reuse)
        await send(transport, 1)
        await asyncio.sleep(0.02)
        assert transport.idle_seconds() > 0.015
        await send(transport, 1)
        transport.abort()

    assert sink.connections == 2


async def test_a_broken_session_is_replaced() -> None:
    def second(stage: str, argument: str, count: int) -> Step | None:
        return Step(drop=True) if stage == "rcpt" and count == 1 else None

    async with Sink(Script(choose=second)) as sink:
        transport = SmtpTransport(route_to(sink))
        await transport.open()
        with pytest.raises(SmtpError):
            await send_one(transport)
        await send(transport, 1)
        transport.abort()

    assert sink.connections == 2


async def test_sending_without_a_session_is_an_error_before_the_dot() -> None:
    async with Sink() as sink:
        transport = SmtpTransport(route_to(sink))
        transport.abort()
        with pytest.raises(SmtpError) as caught:
            await send_one(transport)

    assert (caught.value.stage, caught.value.in_doubt) == (Stage.MAIL, False)
