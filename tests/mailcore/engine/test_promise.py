"""The promise under any faults: everybody accounted for, nobody twice (SMTP-21, 25)."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from mailcore.engine.testing import Crash, MemoryOutbox
from mailcore.engine.types import Limits
from tests.mailcore.engine.relay import FAULTS, Post, items, run

COUNT = 40
LIMITS = Limits(per_connection=4, flush_seconds=0.001, page=7)


def check(outbox: MemoryOutbox, post: Post) -> None:
    states = outbox.states()
    assert sum(states.values()) == COUNT
    assert len(post.taken) == len(set(post.taken)), "somebody got it twice"
    by_email = {item.email: item.position for item in outbox.items.values()}
    taken = {by_email[email] for email in post.taken}
    for position, attempt in outbox.attempts.items():
        if attempt.outcome == "accepted":
            assert position in taken
        if attempt.outcome in ("failed", "skipped"):
            assert position not in taken
    for position in taken - outbox.attempts.keys():
        assert position <= outbox.cursor, "on the wire before it was intended"


async def exhaust(outbox: MemoryOutbox, post: Post, connections: int) -> int:
    """Lease the slice until it is done, as a person pressing "Continue" would."""
    for turn in range(1, 200):
        try:
            report = await run(outbox, post.transports(connections), limits=LIMITS)
        except Crash:
            outbox.crash_at = None
        else:
            if report.done:
                return turn
            assert report.trouble
            assert outbox.states()["sending"] == 0
        check(outbox, post)
    raise AssertionError("the slice never ended")


@given(
    faults=st.lists(st.sampled_from(FAULTS), max_size=80),
    refused=st.lists(st.booleans(), max_size=8),
    connections=st.integers(1, 4),
    crash_at=st.none() | st.integers(1, 12),
    after=st.booleans(),
)
def test_whatever_happens_everybody_is_accounted_for_and_nobody_gets_it_twice(
    faults: list[str],
    refused: list[bool],
    connections: int,
    crash_at: int | None,
    after: bool,
) -> None:
    sends, opens = iter(faults), iter(refused)

    def fault(kind: str) -> str:
        if kind == "open":
            return "refuse" if next(opens, False) else ""
        return next(sends, "")

    outbox, post = MemoryOutbox(items(COUNT)), Post(fault)
    outbox.crash_at, outbox.crash_after_commit = crash_at, after

    asyncio.run(exhaust(outbox, post, connections))

    check(outbox, post)
    assert outbox.states()["pending"] == outbox.states()["sending"] == 0


@given(moment=st.integers(0, 60), connections=st.integers(1, 4))
def test_a_stop_at_any_moment_leaves_nothing_in_doubt(
    moment: int, connections: int
) -> None:
    async def stopped() -> None:
        outbox, post, stop = MemoryOutbox(items(COUNT)), Post(lambda kind: ""), None
        stop = asyncio.Event()
        task = asyncio.create_task(
            run(outbox, post.transports(connections), stop=stop, limits=LIMITS)
        )
        for _ in range(moment):
            await asyncio.sleep(0)
        stop.set()
        await task
        check(outbox, post)
        states = outbox.states()
        assert states["accepted"] + states["pending"] == COUNT
        await exhaust(outbox, post, connections)
        assert outbox.states()["accepted"] == len(post.taken) == COUNT

    asyncio.run(stopped())
