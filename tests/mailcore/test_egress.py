"""One careful request to a server somewhere (SEC-08)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme

from mailcore.egress import Answer, EgressError, post_form

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


class Peer:
    """Says ``says`` to whoever has asked, and keeps what was asked."""

    def __init__(self, says: bytes, *, stays: bool = False) -> None:
        self.says, self.stays = says, stays
        self.asked: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        self.asked.append(await reader.readuntil(b"\r\n\r\n") + await reader.read(999))
        writer.write(self.says)
        await writer.drain()
        if self.stays:
            await asyncio.sleep(60)
        writer.close()


@asynccontextmanager
async def served(peer: Peer, authority: trustme.CA) -> AsyncIterator[Peer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=context)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()


async def ask(peer: Peer, context: ssl.SSLContext, **over: object) -> Answer:
    url = f"https://localhost:{peer.port}/token?tenant=a"
    fields = {"secret": "a&b=ц"}
    return await post_form(url, fields, context=context, **over)  # type: ignore[arg-type]


async def refusal(peer: Peer, context: ssl.SSLContext, **over: object) -> EgressError:
    with pytest.raises(EgressError) as caught:
        await ask(peer, context, **over)
    return caught.value


async def test_a_form_is_sent_and_the_answer_comes_back(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    async with served(Peer(OK), authority) as peer:
        answer = await ask(peer, trusting)

    assert answer == Answer(status=200, body=b"{}")
    head, _, body = peer.asked[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /token?tenant=a HTTP/1.1\r\nHost: localhost:")
    assert body == b"secret=a%26b%3D%D1%86"


async def test_an_answer_in_chunks_is_put_together(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    says = (
        b"HTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\n{}\n\r\n1\r\n \r\n0\r\n\r\n"
    )
    async with served(Peer(says), authority) as peer:
        assert await ask(peer, trusting) == Answer(status=400, body=b"{}\n ")


async def test_a_redirect_is_not_followed(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    """SEC-08"""
    async with served(Peer(OK), authority) as inside:
        where = f"https://localhost:{inside.port}/".encode()
        says = (
            b"HTTP/1.1 307 There\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % where
        )
        async with served(Peer(says), authority) as peer:
            answer = await ask(peer, trusting)

    assert (answer.status, inside.connections) == (307, 0)


async def test_an_address_that_is_not_allowed_is_not_connected_to(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    """SEC-08: if any of a name's addresses is forbidden, none is used."""
    seen: list[str] = []

    def public(address: str) -> bool:
        seen.append(address)
        return not address.startswith("127.")

    async with served(Peer(OK), authority) as peer:
        error = await refusal(peer, trusting, allowed=public)

    assert (error.code, peer.connections) == ("private_address", 0)
    assert "127.0.0.1" in seen


async def test_a_certificate_that_does_not_verify_gets_nothing(
    authority: trustme.CA,
) -> None:
    async with served(Peer(OK), authority) as peer:
        error = await refusal(peer, ssl.create_default_context())

    assert (error.code, peer.asked) == ("tls_failed", [])


@pytest.mark.parametrize(
    ("says", "code"),
    [
        (b"", "protocol"),
        (b"220 mail.example ESMTP\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", "protocol"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000, "too_big"),
    ],
)
async def test_what_is_no_answer_is_said(
    authority: trustme.CA, trusting: ssl.SSLContext, says: bytes, code: str
) -> None:
    async with served(Peer(says), authority) as peer:
        assert (await refusal(peer, trusting)).code == code


async def test_who_does_not_come_to_an_end_is_left(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    async with served(Peer(b"HTTP/1.1 200 OK\r\n", stays=True), authority) as peer:
        assert (await refusal(peer, trusting, seconds=0.2)).code == "timeout"


async def test_nobody_there_and_no_such_name(trusting: ssl.SSLContext) -> None:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    peer = Peer(OK)
    peer.port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()

    assert (await refusal(peer, trusting)).code == "unreachable"
    with pytest.raises(EgressError) as caught:
        await post_form("https://no-such.invalid/", {}, context=trusting)
    assert caught.value.code == "dns"
