"""Our session against the servers that most of the world's mail goes through."""

from __future__ import annotations

import math
import re
import ssl
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import trustme

from mailcore.smtp.session import (
    Envelope,
    Outcome,
    Route,
    Session,
    SmtpError,
    Stage,
    TlsMode,
)
from mailcore.smtp.wire import Wire
from tests.interop.servers import (
    HOST,
    OLD_FASHIONED,
    PASSWORD,
    REFUSED,
    SIZE_LIMIT,
    USER,
    Server,
    running_exim,
    running_postfix,
)

READER = "reader@mail.example"
BODY = b"Subject: hi\r\n\r\n.dot\r\n..\r\nend of letter %d\r\n"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="module")
def postfix(authority: trustme.CA) -> Iterator[Server]:
    with running_postfix(authority) as server:
        yield server


@pytest.fixture(scope="module")
def exim(authority: trustme.CA) -> Iterator[Server]:
    with running_exim(authority) as server:
        yield server


@pytest.fixture(params=["postfix", "exim"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


def route(server: Server, trusting: ssl.SSLContext, **over: Any) -> Route:
    given = {"username": USER, "password": PASSWORD} if is_exim(server) else {}
    return Route(
        host=HOST,
        port=server.port,
        tls=TlsMode.STARTTLS,
        ssl_context=trusting,
        helo_name="mail.lavka.example",
        **given | over,
    )


def is_exim(server: Server) -> bool:
    return (server.home / "exim.conf").exists()


def letter(number: int = 1, *, to: str = READER, filling: bytes = b"") -> Envelope:
    return Envelope(
        mail_from="news@lavka.example", rcpt_to=to, data=BODY % number + filling
    )


async def test_a_letter_arrives_over_starttls_as_it_was_sent(
    server: Server, trusting: ssl.SSLContext
) -> None:
    """SMTP-02, SMTP-03, SMTP-05, MSG-06: exim wants a login as well."""
    session = await Session.connect(route(server, trusting))
    try:
        assert session.tls.startswith("TLSv1.")
        outcome = await session.send(letter())
    finally:
        await session.quit()

    assert outcome.accepted
    assert outcome.reply
    kept = server.letter(outcome.reply.queue_id)
    assert ".dot" in kept
    assert "end of letter 1" in kept


async def test_many_letters_go_over_one_pipelined_connection(
    server: Server, trusting: ssl.SSLContext
) -> None:
    """SMTP-09, SMTP-10, SMTP-13: refusals among them disturb nobody else."""
    session = await Session.connect(route(server, trusting))
    try:
        assert "PIPELINING" in session.capabilities
        outcomes = [
            await session.send(letter(number, to=READER if number % 3 else REFUSED))
            for number in range(12)
        ]
    finally:
        await session.quit()

    stages = [outcome.stage for outcome in outcomes]
    assert stages == [Stage.BODY if number % 3 else Stage.RCPT for number in range(12)]
    ids = {one.reply.queue_id for one in outcomes if one.accepted and one.reply}
    assert len(ids) == 8


class Letters:
    """A feed of these letters; keeps what became of each, and in which order."""

    def __init__(self, letters: list[tuple[int, Envelope]]) -> None:
        self._left = iter(letters)
        self.outcomes: dict[int, Outcome] = {}

    def next(self) -> tuple[int, Envelope] | None:
        return next(self._left, None)

    def answered(self, tag: object, outcome: Outcome) -> None:
        assert isinstance(tag, int)
        assert tag not in self.outcomes
        self.outcomes[tag] = outcome


STREAMED = range(1000, 1030)  # no other test's numbers
REFUSALS = {1011, 1012, 1029}  # two in a row in the middle, and the last one


async def test_the_next_letter_s_commands_travel_with_the_final_dot(
    server: Server, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SMTP-10: each letter that the server accepted is there exactly once."""
    written: list[bytes] = []
    write = Wire.write

    def write_down(wire: Wire, data: bytes) -> None:
        written.append(data)
        write(wire, data)

    monkeypatch.setattr(Wire, "write", write_down)
    feed = Letters(
        [
            (number, letter(number, to=REFUSED if number in REFUSALS else READER))
            for number in STREAMED
        ]
    )
    session = await Session.connect(route(server, trusting))
    try:
        await session.stream(feed, letters=len(STREAMED), seconds=math.inf)
    finally:
        await session.quit()

    assert list(feed.outcomes) == list(STREAMED)
    accepted = [number for number, one in feed.outcomes.items() if one.accepted]
    assert accepted == [number for number in STREAMED if number not in REFUSALS]
    assert {feed.outcomes[number].stage for number in REFUSALS} == {Stage.RCPT}
    ahead = [data for data in written if b"\r\n.\r\nMAIL FROM:" in data]
    assert len(ahead) == len(accepted) - 1 + (STREAMED[-1] in REFUSALS)
    found = [re.search(r"end of letter (\d+)", one) for one in server.letters()]
    numbers = sorted(int(one[1]) for one in found if one)
    assert [number for number in numbers if number in STREAMED] == accepted


async def test_a_recipient_is_refused_at_rcpt_with_the_whole_reply(
    server: Server, trusting: ssl.SSLContext
) -> None:
    """SMTP-05, SMTP-17"""
    session = await Session.connect(route(server, trusting))
    try:
        outcome = await session.send(letter(to=REFUSED))
    finally:
        await session.quit()

    assert (outcome.stage, outcome.accepted) == (Stage.RCPT, False)
    assert outcome.reply
    assert outcome.reply.code == 550
    assert "no such user" in outcome.reply.text


async def test_a_letter_that_is_too_big_is_not_offered(
    server: Server, trusting: ssl.SSLContext
) -> None:
    """SMTP-06: the server has announced its limit."""
    session = await Session.connect(route(server, trusting))
    try:
        filling = b"x" * 70 + b"\r\n"
        outcome = await session.send(letter(filling=filling * (SIZE_LIMIT // 70)))
        small = await session.send(letter())
    finally:
        await session.quit()

    assert (outcome.accepted, outcome.code) == (False, "too_big")
    assert small.accepted


async def test_a_stranger_s_certificate_is_not_believed(server: Server) -> None:
    """SMTP-02"""
    with pytest.raises(SmtpError) as caught:
        await Session.connect(route(server, ssl.create_default_context()))

    assert caught.value.code == "tls_verify_failed"


async def test_a_wrong_password_is_refused(
    exim: Server, trusting: ssl.SSLContext
) -> None:
    """SMTP-03"""
    with pytest.raises(SmtpError) as caught:
        await Session.connect(route(exim, trusting, password="wrong"))

    assert caught.value.code == "auth_refused"


async def test_cram_md5_is_spoken_where_nothing_else_is_offered(
    exim: Server, trusting: ssl.SSLContext
) -> None:
    """SMTP-03"""
    old = replace(route(exim, trusting), helo_name=OLD_FASHIONED)
    session = await Session.connect(old)
    try:
        assert session.capabilities.auth == {"CRAM-MD5"}
        assert (await session.send(letter())).accepted
    finally:
        await session.quit()

    with pytest.raises(SmtpError) as caught:
        await Session.connect(replace(old, password="wrong"))
    assert caught.value.code == "auth_refused"
