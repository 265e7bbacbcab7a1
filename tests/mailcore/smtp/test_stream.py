"""Letters behind one another over one connection (SMTP-09, SMTP-10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailcore.smtp.commands import original_recipient, xtext
from mailcore.smtp.pool import Manners, SmtpTransport
from mailcore.smtp.route import Envelope, Outcome, Route, SmtpError, Stage, TlsMode
from mailcore.smtp.session import Session
from mailcore.smtp.sink import CAPABILITIES, Script, Sink, Step
from tests.mailcore.smtp.dialogue import QUICK, connect, letter, route_to

PEOPLE = [f"a{number}@example.com" for number in range(1, 4)]


class Letters:
    """A feed of some letters that writes down what became of each."""

    def __init__(self, *addresses: str, **over: Any) -> None:
        self.waiting = [letter(address, **over) for address in addresses]
        self.given: list[str] = []
        self.outcomes: dict[str, Outcome] = {}

    def next(self) -> tuple[object, Envelope] | None:
        if not self.waiting:
            return None
        envelope = self.waiting.pop(0)
        self.given.append(envelope.rcpt_to)
        return envelope.rcpt_to, envelope

    def answered(self, tag: object, outcome: Outcome) -> None:
        self.outcomes[str(tag)] = outcome

    @property
    def unanswered(self) -> list[str]:
        return [address for address in self.given if address not in self.outcomes]


async def send(session: Session, letters: Letters) -> Letters:
    await session.stream(letters, letters=100, seconds=60)
    return letters


async def test_all_letters_of_a_feed_go_over_one_connection() -> None:
    async with Sink() as sink:
        session = await connect(sink)
        letters = await send(session, Letters(*PEOPLE))
        await session.quit()

    assert [one.rcpt_to for one in sink.accepted] == PEOPLE
    assert all(letters.outcomes[address].accepted for address in PEOPLE)
    replies = [letters.outcomes[address].reply for address in PEOPLE]
    assert [reply and reply.queue_id for reply in replies] == [
        "SINK000001",
        "SINK000002",
        "SINK000003",
    ]


async def test_the_envelope_leaves_in_one_write_and_the_next_one_with_the_dot() -> None:
    """SMTP-09, SMTP-10"""
    async with patient_server() as (port, heard):
        session = await Session.connect(route(port))
        await send(session, Letters(*PEOPLE))
        session.abort()

    first, second, third, last = heard[1:]
    assert first.startswith(b"MAIL FROM:<news@lavka.example>")
    assert first.endswith(b"RCPT TO:<a1@example.com>\r\nDATA\r\n")
    assert second.endswith(b"\r\nRCPT TO:<a2@example.com>\r\nDATA\r\n")
    assert b"\r\n.\r\nMAIL FROM:" in second
    assert b"\r\n.\r\nMAIL FROM:" in third
    assert last.endswith(b"hello\r\n.\r\n")


async def test_a_server_without_pipelining_gets_one_command_at_a_time() -> None:
    """SMTP-09"""
    async with patient_server(offers=b"250 SIZE\r\n") as (port, heard):
        session = await Session.connect(route(port))
        letters = await send(session, Letters(*PEOPLE[:2]))
        session.abort()

    assert not session.pipelining
    assert [one.count(b"\r\n") for one in heard[1:] if b"hello" not in one] == [1] * 6
    assert all(outcome.accepted for outcome in letters.outcomes.values())


@pytest.mark.parametrize("pipelining", [True, False])
async def test_a_refused_recipient_fails_alone(pipelining: bool) -> None:
    """SMTP-09: the reply to DATA behind a refused RCPT is not the letter's."""
    script = Script(
        recipients={PEOPLE[1]: Step("550 5.1.1 no such user")},
        capabilities=CAPABILITIES if pipelining else (),
    )
    async with Sink(script) as sink:
        session = await connect(sink)
        letters = await send(session, Letters(*PEOPLE))
        session.abort()

    refused = letters.outcomes[PEOPLE[1]]
    assert (refused.stage, str(refused.reply)) == (Stage.RCPT, "550 5.1.1 no such user")
    assert [one.rcpt_to for one in sink.accepted] == [PEOPLE[0], PEOPLE[2]]
    assert sink.commands.count("RSET") == 1


async def test_a_server_that_wants_data_for_nobody_gets_a_lone_dot() -> None:
    """SMTP-09: 354 although the only recipient was refused."""
    script = Script(
        recipients={PEOPLE[0]: Step("550 5.1.1 no such user")},
        steps={"data": Step("354 go on")},
    )
    async with Sink(script) as sink:
        session = await connect(sink)
        letters = await send(session, Letters(*PEOPLE))
        session.abort()

    assert letters.outcomes[PEOPLE[0]].stage is Stage.RCPT
    assert [one.rcpt_to for one in sink.accepted] == PEOPLE[1:]


async def test_a_refused_sender_is_told_as_such_behind_a_pipeline() -> None:
    """SMTP-17"""
    script = Script(steps={"mail": Step("550 5.7.1 not you")})
    async with Sink(script) as sink:
        session = await connect(sink)
        letters = await send(session, Letters(PEOPLE[0]))
        session.abort()

    assert letters.outcomes[PEOPLE[0]].stage is Stage.MAIL
    assert not sink.accepted


async def test_what_the_server_cannot_take_is_settled_in_the_middle() -> None:
    """MSG-12: no command for it, and its neighbours are not mixed up with it."""
    people = [PEOPLE[0], "иван@example.com", PEOPLE[1]]
    async with Sink(Script(capabilities=("PIPELINING",))) as sink:
        session = await connect(sink)
        letters = await send(session, Letters(*people))
        session.abort()

    assert letters.outcomes[people[1]].code == "eai_unsupported"
    assert [one.rcpt_to for one in sink.accepted] == [people[0], people[2]]


async def test_after_a_421_what_was_sent_ahead_is_not_taken_and_not_answered() -> None:
    """SMTP-13, SMTP-14"""
    async with Sink(Script(letters_per_connection=2)) as sink:
        session = await connect(sink)
        letters = await send(session, Letters(*PEOPLE))
        session.abort()

    assert letters.outcomes[PEOPLE[1]].accepted
    reply = letters.outcomes[PEOPLE[2]].reply
    assert reply
    assert reply.code == 421
    assert len(sink.accepted) == 2


async def test_limits_of_letters_and_time_leave_the_rest_in_the_feed() -> None:
    """SMTP-13"""
    async with Sink() as sink:
        session = await connect(sink)
        letters = Letters(*PEOPLE)
        await session.stream(letters, letters=2, seconds=60)
        assert letters.given == PEOPLE[:2]
        await session.stream(letters, letters=2, seconds=0)
        assert letters.given == PEOPLE[:2]
        session.abort()


async def test_a_bug_of_the_feed_comes_out_and_ends_the_session() -> None:
    class Broken(Letters):
        def answered(self, tag: object, outcome: Outcome) -> None:
            raise TypeError("a bug")

    async with Sink() as sink:
        session = await connect(sink)
        with pytest.raises(TypeError):
            await send(session, Broken(*PEOPLE))

    assert not session.usable


# What the server says to three letters behind one another, from their first command on.
REPLIES = (b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go on\r\n250 2.0.0 Ok: queued\r\n") * 3


@given(st.integers(0, len(REPLIES)))
@example(len(REPLIES))
def test_wherever_the_connection_ends_at_most_one_letter_is_in_doubt(cut: int) -> None:
    """SMTP-10, SMTP-24"""
    letters, in_doubt = asyncio.run(cut_after(cut))

    whole = REPLIES[:cut].count(b"queued\r\n")
    assert [one for one in letters.outcomes.values() if one.accepted] == list(
        letters.outcomes.values()
    )
    assert len(letters.outcomes) == whole
    # In doubt is one whose 354 came and whose 250 did not.
    begun = REPLIES[:cut].count(b"354 go on\r\n")
    assert in_doubt == (begun > whole)
    assert len(letters.unanswered) <= 2


async def cut_after(count: int) -> tuple[Letters, bool]:
    async with patient_server(limit=count) as (port, _heard):
        session = await Session.connect(route(port))
        letters = Letters(*PEOPLE)
        try:
            await send(session, letters)
        except SmtpError as error:
            return letters, error.in_doubt
        finally:
            session.abort()
        return letters, False


@pytest.mark.parametrize(
    "step",
    [
        Step("250 2.1.5 Ok\r\n250 2.1.5 twice"),
        Step("354 too early"),
    ],
)
async def test_a_server_that_mixes_up_replies_gets_one_command_at_a_time_then(
    step: Step,
) -> None:
    """SMTP-10"""

    def once(stage: str, argument: str, count: int) -> Step | None:
        return step if stage == "rcpt" and count == 1 else None

    manners = Manners()
    async with Sink(Script(choose=once)) as sink:
        transport = SmtpTransport(route_to(sink), manners=manners)
        await transport.open()
        with pytest.raises(SmtpError) as caught:
            await transport.stream(Letters(PEOPLE[0]))
        assert (caught.value.code, caught.value.in_doubt) == ("protocol", False)
        again = SmtpTransport(route_to(sink), manners=manners)
        await again.open()
        assert again._session
        assert not again._session.pipelining
        await again.stream(Letters(*PEOPLE))
        await again.close()

    assert len(sink.accepted) == 3


async def test_a_report_is_asked_for_failures_where_the_server_can() -> None:
    """SMTP-07"""
    people = ("a+b=c@example.com", PEOPLE[0])
    async with Sink(Script(capabilities=("PIPELINING", "DSN"))) as sink:
        session = await connect(sink)
        await send(session, Letters(*people, envid="d+1=x"))
        session.abort()
    with_dsn = [line for line in sink.commands if line[:4] in ("MAIL", "RCPT")]
    async with Sink() as sink:
        session = await connect(sink)
        await send(session, Letters(people[0], envid="d+1=x"))
        session.abort()
    without = [line for line in sink.commands if line[:4] in ("MAIL", "RCPT")]

    assert with_dsn[0] == "MAIL FROM:<news@lavka.example> RET=HDRS ENVID=d+2B1+3Dx"
    assert with_dsn[1] == (
        "RCPT TO:<a+b=c@example.com> NOTIFY=FAILURE,DELAY "
        "ORCPT=rfc822;a+2Bb+3Dc@example.com"
    )
    assert "ENVID" not in without[0]
    assert without[1] == "RCPT TO:<a+b=c@example.com>"


def test_addresses_beyond_ascii_are_written_as_reports_want_them() -> None:
    """SMTP-07, RFC 6533"""
    assert original_recipient("иван@example.com").startswith(r"utf-8;\x{438}\x{432}")


@given(st.text(alphabet=st.characters(max_codepoint=126), max_size=30))
def test_xtext_holds_nothing_that_could_end_a_parameter(text: str) -> None:
    """SMTP-07, SMTP-08"""
    encoded = xtext(text)

    assert all("!" <= sign <= "~" and sign != "=" for sign in encoded)
    assert (
        "".join(
            part if index == 0 else chr(int(part[:2], 16)) + part[2:]
            for index, part in enumerate(encoded.split("+"))
        )
        == text
    )


def route(port: int) -> Route:
    return Route(
        host="127.0.0.1",
        port=port,
        tls=TlsMode.NONE,
        helo_name="mail.lavka.example",
        timeouts=QUICK,
    )


@asynccontextmanager
async def patient_server(
    *, offers: bytes = b"250 PIPELINING\r\n", limit: int | None = None
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that writes down each packet, and answers what was in it.

    It ends the connection after ``limit`` bytes of replies to letters.
    """
    heard: list[bytes] = []
    said = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal said
        writer.write(b"220 patient\r\n")
        in_message = False
        with suppress(ConnectionError):
            while packet := await reader.read(1 << 16):
                heard.append(packet)
                answer, in_message = answers(packet, offers, in_message=in_message)
                if not packet.startswith(b"EHLO") and limit is not None:
                    answer = answer[: limit - said]
                    said += len(answer)
                writer.write(answer)
                if limit is not None and said >= limit and b"EHLO" not in packet:
                    break
        with suppress(ConnectionError):
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        gone.set()

    gone = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard
        await gone.wait()


def answers(packet: bytes, offers: bytes, *, in_message: bool) -> tuple[bytes, bool]:
    said = []
    for line in packet.split(b"\r\n")[:-1]:
        verb = line[:4]
        if in_message:
            if line == b".":
                in_message = False
                said.append(b"250 2.0.0 Ok: queued\r\n")
        elif verb == b"EHLO":
            said.append(b"250-patient\r\n" + offers)
        elif verb == b"DATA":
            in_message = True
            said.append(b"354 go on\r\n")
        else:
            said.append({b"MAIL": b"250 2.1.0 Ok\r\n"}.get(verb, b"250 2.1.5 Ok\r\n"))
    return b"".join(said), in_message
