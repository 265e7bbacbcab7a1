"""Sessions between slices (SMTP-13)."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from mailcore.smtp.pool import Reuse, SmtpTransport
from mailcore.smtp.session import Route
from mailcore.smtp.sink import Script, Sink, sink_in_thread
from mailcore.smtp.stream import OneLetter
from pochtar.delivery import pools as module
from pochtar.delivery.bridge import run_in_loop
from pochtar.delivery.pools import Pools, say_goodbye
from pochtar.delivery.tokens import Call, RelayTokens
from tests.mailcore.smtp.dialogue import letter, route_to


async def used(pools: Pools, route: Route, count: int) -> list[SmtpTransport]:
    transports = pools.borrow(route, count)
    for transport in transports:
        await transport.open()
        await transport.stream(OneLetter(letter()))
    pools.give_back(route, transports)
    return transports


async def test_what_was_given_back_is_lent_again_for_the_same_route() -> None:
    async with Sink() as sink:
        pools = Pools()
        first = await used(pools, route_to(sink), 2)
        again = pools.borrow(route_to(sink), 3)
        other = pools.borrow(route_to(sink, username="new"), 1)
        assert len(set(first) & set(again)) == 2
        assert not set(other) & set(first)
        for transport in first:
            transport.abort()


async def call_of_one(*arguments: object) -> str:
    return "token"


async def call_of_another(*arguments: object) -> str:
    return "token"


async def test_sessions_with_tokens_are_lent_within_one_server_only() -> None:
    """SMTP-03: whoever names the same host and login has not shown any permission."""
    users = {"news@lavka.example": "token"}
    async with Sink(Script(users=users, mechanisms=("XOAUTH2",))) as sink:
        pools, relay = Pools(), uuid4()

        def route(relay: UUID, call: Call) -> Route:
            tokens = RelayTokens(relay, call)
            return route_to(sink, username="news@lavka.example", tokens=tokens)

        [first] = await used(pools, route(relay, call_of_one), 1)
        [other] = pools.borrow(route(uuid4(), call_of_another), 1)
        [again] = pools.borrow(route(relay, call_of_another), 1)

        assert other is not first
        assert again is first
        assert isinstance(again.route.tokens, RelayTokens)
        assert again.route.tokens.call is call_of_another  # the borrower's database
        first.abort()


async def test_what_nobody_wants_is_closed_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "REUSE", Reuse(idle=0.02))
    async with Sink() as sink:
        pools = Pools()
        await used(pools, route_to(sink), 2)
        taken = pools.borrow(route_to(sink), 1)
        await asyncio.sleep(0.1)
        assert (pools.idle, sink.commands.count("QUIT")) == (0, 1)
        taken[0].abort()


def test_the_process_says_goodbye_when_it_ends() -> None:
    with sink_in_thread() as sink:
        run_in_loop(used(module.pools, route_to(sink), 2))
        say_goodbye()
        assert sink.commands.count("QUIT") == 2
    assert module.pools.idle == 0
    say_goodbye()
