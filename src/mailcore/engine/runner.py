"""Send one slice: read, compose, send, record.

The books (one task) and the lanes (one task per connection) share a window:

1. The books read items ahead, commit "the cursor is now here, and these are the
   results so far" in one transaction, and only then hand the items out (SMTP-22).
2. A lane opens its connection, takes a letter, composes and sends it, and puts the
   result into the window.  The first connection proves the relay; the others follow.
3. The books commit again when three quarters of it are done, or after half a second.

What ends a slice early:

* stop (an event): lanes finish the letters in hand, which get a few seconds; one that
  is still waiting for the reply to its dot then becomes unknown.
* the relay's trouble: nobody can connect, the sender is refused, connections break
  again and again.  Letters in hand are finished; the rest stays pending.
* a lost lease: everything is dropped at once; the new holder records the unknowns.

A letter whose connection broke *before* its dot was certainly not sent: it goes back
into the window and is offered again on a new connection, a few times, uncounted.  One
whose connection broke *after* the dot is unknown.  At an early end the cursor goes
back to the highest position that was really offered, so that what was only intended
is pending again.  Gaps below it (see window.py) are offered first while a connection
can be had; with a relay in trouble they are recorded as failed for now, with the
reason that broke them.  No position is left behind the cursor without a record unless
the process itself dies.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Executor

from mailcore.engine.lane import Lane
from mailcore.engine.ports import (
    Clock,
    Composer,
    Observer,
    Outbox,
    Pacer,
    Signer,
    Transport,
)
from mailcore.engine.results import broken, skipped, trouble_of
from mailcore.engine.signing import Signing
from mailcore.engine.types import (
    Item,
    Lease,
    Limits,
    OutcomeClass,
    RelayTrouble,
    Result,
    SliceReport,
)
from mailcore.engine.window import Letter, Window
from mailcore.smtp.session import SmtpError

__all__ = ["deliver"]


async def deliver(
    lease: Lease,
    *,
    outbox: Outbox,
    transports: Sequence[Transport],
    compose: Composer,
    clock: Clock,
    stop: asyncio.Event,
    limits: Limits | None = None,
    observer: Observer | None = None,
    pacer: Pacer | None = None,
    sign: Signer | None = None,
    signers: Executor | None = None,
) -> SliceReport:
    """Send the slice that is leased, as far as it goes. Raise LeaseLost.

    With ``sign``, letters are composed ahead and signed in the threads of ``signers``.
    """
    runner = _Runner(
        lease,
        outbox,
        transports,
        compose,
        clock,
        limits or Limits(),
        observer,
        pacer,
    )
    if sign and signers:
        runner.sign_with(sign, signers)
    watch = asyncio.create_task(runner.watch(stop))
    try:
        return await runner.drive()
    finally:
        watch.cancel()


class _Runner:
    def __init__(
        self,
        lease: Lease,
        outbox: Outbox,
        transports: Sequence[Transport],
        compose: Composer,
        clock: Clock,
        limits: Limits,
        observer: Observer | None,
        pacer: Pacer | None,
    ) -> None:
        self._lease = lease
        self._outbox = outbox
        self._transports = transports
        self.compose = compose
        self.clock = clock
        self.limits = limits
        self._observer = observer
        self.pacer = pacer
        self._signing: Signing | None = None
        self._wait_until = 0.0  # a limit lets no letter go before
        self._wait = 0.0  # a limit holds for so long that the slice ends
        self._window = Window(
            cursor=lease.cursor, limit=limits.per_connection * len(transports)
        )
        self._ahead: deque[Item] = deque()
        self._read_to = lease.cursor
        self._exhausted = False
        self._committed_at = clock.monotonic()
        self._counts: Counter[OutcomeClass] = Counter()
        self._news = asyncio.Event()  # for the books
        self._work = asyncio.Event()  # for the lanes
        self._door = asyncio.Lock()
        self._proved = False
        self._lanes = len(transports)
        self._breaks = 0
        self._stopped_at: float | None = None
        self._trouble: RelayTrouble | None = None
        self._withdrawn: dict[int, str] = {}  # since they were read (MSG-25)

    def sign_with(self, sign: Signer, signers: Executor) -> None:
        self._signing = Signing(
            sign=sign,
            signers=signers,
            compose=self.compose,
            clock=self.clock,
            ready=self._let_out,
        )

    def _let_out(self) -> None:
        self._window.let_out()
        self._work.set()

    # Ends ---------------------------------------------------------------------------
    async def watch(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stopped_at = self.clock.monotonic()
        self._wake()

    @property
    def _halted(self) -> bool:
        return (
            self._stopped_at is not None
            or self._trouble is not None
            or bool(self._wait)
        )

    def _wake(self) -> None:
        self._news.set()
        self._work.set()

    async def drive(self) -> SliceReport:
        lanes = [
            asyncio.create_task(self._drive_lane(Lane(self, transport)))
            for transport in self._transports
        ]
        try:
            await self._keep_books(lanes)
        except BaseException:
            for transport in self._transports:
                transport.abort()
            raise
        finally:
            for lane in lanes:
                lane.cancel()
            ends = await asyncio.gather(*lanes, return_exceptions=True)
        done = await self._release()
        for end in ends:
            if isinstance(end, Exception):
                raise end  # a bug: the books are in order all the same
        return SliceReport(
            counts=self._counts, done=done, trouble=self._trouble, wait=self._wait
        )

    async def _drive_lane(self, lane: Lane) -> None:
        try:
            await lane.run()
        finally:
            self._wake()

    # Books ----------------------------------------------------------------------------
    async def _keep_books(self, lanes: Sequence[asyncio.Task[None]]) -> None:
        while not self._over(lanes):
            self._news.clear()
            if self._due():
                await self._advance()
                continue
            if self._late():
                await self._abandon(lanes)
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await self._news.wait()

    def _over(self, lanes: Sequence[asyncio.Task[None]]) -> bool:
        if any(lane.done() and lane.exception() for lane in lanes):
            self._stopped_at = self._stopped_at or self.clock.monotonic()
        if not self._halted and not self._complete and self._window.empty:
            self._wait = self._held_for
        if not self._halted:
            return self._complete
        if self._window.in_hand:
            return False
        gaps = self._window.has_ready(gaps_only=True)
        return not gaps or bool(self._trouble) or all(lane.done() for lane in lanes)

    @property
    def _complete(self) -> bool:
        return self._exhausted and not self._ahead and self._window.empty

    def _due(self) -> bool:
        waited = self.clock.monotonic() - self._committed_at
        enough = max(1, self._window.limit * 3 // 4)
        if waited >= self.limits.renew_seconds:
            return True
        if self._window.done and (
            waited >= self.limits.flush_seconds or len(self._window.done) >= enough
        ):
            return True
        if self._halted or (self._exhausted and not self._ahead):
            return False
        if self.clock.monotonic() < self._wait_until:
            return False
        # Lanes without work do not wait for so much.
        starving = not self._window.has_more
        free = self._window.room + len(self._window.done)
        return self._window.room >= enough or (starving and free >= self._lanes)

    @property
    def _patience(self) -> float:
        """How long to wait for news before the books are looked at again."""
        held = self._wait_until - self.clock.monotonic()
        if held <= 0:
            return self.limits.flush_seconds
        return min(self.limits.flush_seconds, held)

    def _late(self) -> bool:
        if self._stopped_at is None:
            return False
        waited = self.clock.monotonic() - self._stopped_at
        return waited >= self.limits.stop_grace_seconds

    async def _abandon(self, lanes: Sequence[asyncio.Task[None]]) -> None:
        """Drop what hangs; its lane then says whether the letter is in doubt."""
        for transport in self._transports:
            transport.abort()
        await asyncio.wait(lanes, timeout=1)

    async def _advance(self) -> None:
        batch = list(self._window.done)
        items: list[Item] = []
        if not self._halted:
            items = await self._next_items(self._window.room + len(batch))
        cursor = items[-1].position if items else self._window.cursor
        gone = await self._outbox.advance(self._lease, results=batch, cursor=cursor)
        self._withdrawn.update(gone or {})
        self._book(batch)
        letters = self._window.intend(items, cursor=cursor)
        if self._signing:
            self._signing.begin(letters)
        self._let_out()

    async def _next_items(self, count: int) -> list[Item]:
        """Read ahead; return so many items, or fewer where a limit holds them back."""
        while len(self._ahead) < count and not self._exhausted:
            page = await self._outbox.read(
                self._lease, after=self._read_to, limit=self.limits.page
            )
            self._ahead.extend(page)
            self._exhausted = len(page) < self.limits.page
            if page:
                self._read_to = page[-1].position
        count = min(count, len(self._ahead))
        if self.pacer and count:
            count = await self._allowed(self.pacer, count)
        return [self._ahead.popleft() for _ in range(count)]

    async def _allowed(self, pacer: Pacer, count: int) -> int:
        if self.clock.monotonic() < self._wait_until:
            return 0
        grant = await pacer.reserve(count, in_flight=self._window.on_their_way)
        self._wait_until = self.clock.monotonic() + grant.wait
        return grant.count

    @property
    def _held_for(self) -> float:
        """The seconds until more letters may go; 0 if that is soon."""
        held = self._wait_until - self.clock.monotonic()
        return held if held > self.limits.patience_seconds else 0.0

    def _book(self, batch: Sequence[Result]) -> None:
        self._window.recorded(len(batch))
        self._committed_at = self.clock.monotonic()
        self._counts.update(result.outcome for result in batch)
        if self._observer and batch:
            self._observer.recorded(batch)

    async def _release(self) -> bool:
        done = self._complete
        cursor, gaps = self._window.close()
        batch = [*self._window.done, *map(self._gap, gaps)]
        await self._outbox.release(
            self._lease,
            results=batch,
            cursor=self._lease.last_position if done else cursor,
            done=done,
        )
        self._book(batch)
        return done

    def _gap(self, letter: Letter) -> Result:
        assert letter.error
        host = self._transports[0].host
        return broken(letter.item, letter.error, host=host, at=self.clock.now())

    # What lanes ask (lane.py) -------------------------------------------------------------
    async def wait_for_letters(self) -> bool:
        while not self._trouble:
            gaps_only = self._stopped_at is not None
            if self._window.has_ready(gaps_only=gaps_only):
                return True
            if gaps_only:
                return False
            self._work.clear()
            self._news.set()
            await self._work.wait()
        return False

    async def open(self, transport: Transport) -> bool:
        try:
            if self._proved:
                await transport.open()
                return True
            async with self._door:
                if not self._trouble:
                    await transport.open()
                    self._proved = True
                return not self._trouble
        except SmtpError as error:
            # One refused connection among many means "fewer", not "trouble".
            self._lanes -= 1
            self._window.limit -= self.limits.per_connection
            if not self._proved or not self._lanes:
                self.halt(trouble_of(error))
            return False

    def take(self) -> Letter | None:
        if self._trouble:
            return None
        letter = self._window.take(gaps_only=self._stopped_at is not None)
        if letter and (reason := self._withdrawn.get(letter.item.position)):
            letter.withhold(skipped(letter.item, reason, at=self.clock.now()))
        return letter

    def finish(self, letter: Letter, result: Result) -> None:
        self._window.finish(letter, result)
        if self.pacer:
            self.pacer.heard(result)
        if self._window.on_their_way <= (self._window.limit + 3) // 4:
            self._news.set()

    def give_back(self, letter: Letter) -> None:
        self._window.give_back(letter)
        self._work.set()

    def lose(self, letter: Letter) -> None:
        self._window.lose(letter)

    def count_break(self, error: SmtpError) -> None:
        self._breaks += 1
        if self._breaks >= self.limits.breaks:
            self.halt(trouble_of(error))

    def forget_breaks(self) -> None:
        self._breaks = 0

    def halt(self, trouble: RelayTrouble) -> None:
        self._trouble = self._trouble or trouble
        self._wake()
