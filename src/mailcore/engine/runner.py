"""Send one slice: read, compose, send, record.

The books (one task) and the lanes (one task per connection) share a window:

1. The books read items ahead, commit "the cursor is now here, and these are the
   results so far" in one transaction, and only then hand the items out (SMTP-22).
2. A lane opens its connection, takes a letter, composes and sends it, and puts the
   result into the window.  The first connection proves the relay; the others follow.
3. The books commit again when half the window is done, or after half a second.

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

from mailcore.compose import HeaderError
from mailcore.engine.policy import Verdict, judge
from mailcore.engine.ports import Clock, Composer, Observer, Outbox, Transport
from mailcore.engine.results import (
    answered,
    bad_header,
    broken,
    refused_by_relay,
    skipped,
    trouble_of,
)
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
from mailcore.personalise import MissingValue
from mailcore.smtp.session import Outcome, SmtpError, Stage

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
) -> SliceReport:
    """Send the slice that is leased, as far as it goes. Raise LeaseLost."""
    runner = _Runner(
        lease, outbox, transports, compose, clock, limits or Limits(), observer
    )
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
    ) -> None:
        self._lease = lease
        self._outbox = outbox
        self._transports = transports
        self._compose = compose
        self._clock = clock
        self._limits = limits
        self._observer = observer
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

    # Ends ---------------------------------------------------------------------------
    async def watch(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stopped_at = self._clock.monotonic()
        self._wake()

    @property
    def _halted(self) -> bool:
        return self._stopped_at is not None or self._trouble is not None

    def _halt(self, trouble: RelayTrouble) -> None:
        self._trouble = self._trouble or trouble
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._work.set()

    async def drive(self) -> SliceReport:
        lanes = [
            asyncio.create_task(self._lane(transport)) for transport in self._transports
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
        return SliceReport(counts=self._counts, done=done, trouble=self._trouble)

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
                async with asyncio.timeout(self._limits.flush_seconds):
                    await self._news.wait()

    def _over(self, lanes: Sequence[asyncio.Task[None]]) -> bool:
        if any(lane.done() and lane.exception() for lane in lanes):
            self._stopped_at = self._stopped_at or self._clock.monotonic()
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
        waited = self._clock.monotonic() - self._committed_at
        half = max(1, self._window.limit // 2)
        if waited >= self._limits.renew_seconds:
            return True
        if self._window.done and (
            waited >= self._limits.flush_seconds or len(self._window.done) >= half
        ):
            return True
        if self._halted or (self._exhausted and not self._ahead):
            return False
        # Lanes without work are not kept waiting for half a window.
        starving = not self._window.has_ready()
        free = self._window.room + len(self._window.done)
        return self._window.room >= half or (starving and free >= self._lanes)

    def _late(self) -> bool:
        if self._stopped_at is None:
            return False
        waited = self._clock.monotonic() - self._stopped_at
        return waited >= self._limits.stop_grace_seconds

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
        await self._outbox.advance(self._lease, results=batch, cursor=cursor)
        self._book(batch)
        self._window.intend(items, cursor=cursor)
        self._work.set()

    async def _next_items(self, count: int) -> list[Item]:
        while len(self._ahead) < count and not self._exhausted:
            page = await self._outbox.read(
                self._lease, after=self._read_to, limit=self._limits.page
            )
            self._ahead.extend(page)
            self._exhausted = len(page) < self._limits.page
            if page:
                self._read_to = page[-1].position
        return [self._ahead.popleft() for _ in range(min(count, len(self._ahead)))]

    def _book(self, batch: Sequence[Result]) -> None:
        self._window.recorded(len(batch))
        self._committed_at = self._clock.monotonic()
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
        return self._failure(letter, letter.error)

    # Lanes ----------------------------------------------------------------------------
    async def _lane(self, transport: Transport) -> None:
        try:
            while letter := await self._next_letter(transport):
                try:
                    await self._offer(transport, letter)
                except Exception:
                    self._window.lose(letter)  # a bug of ours
                    raise
                if (
                    self._window.room + len(self._window.done)
                    >= self._window.limit // 2
                ):
                    self._news.set()
        finally:
            self._wake()

    async def _next_letter(self, transport: Transport) -> Letter | None:
        while not self._trouble:
            gaps_only = self._stopped_at is not None
            if self._window.has_ready(gaps_only=gaps_only):
                if not await self._open(transport):
                    return None
                letter = self._window.take(gaps_only=self._halted)
                if letter:
                    return letter
            elif gaps_only:
                return None
            else:
                self._work.clear()
                self._news.set()
                await self._work.wait()
        return None

    async def _open(self, transport: Transport) -> bool:
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
            self._window.limit -= self._limits.per_connection
            if not self._proved or not self._lanes:
                self._halt(trouble_of(error))
            return False

    async def _offer(self, transport: Transport, letter: Letter) -> None:
        now = self._clock.now()
        if letter.item.skip:
            self._window.finish(letter, skipped(letter.item, letter.item.skip, at=now))
            return
        try:
            envelope = self._compose(letter.item, now)
        except MissingValue as error:
            result = skipped(letter.item, "missing_data", detail=error.name, at=now)
            self._window.finish(letter, result)
            return
        except HeaderError as error:
            self._window.finish(letter, bad_header(letter.item, error.header, at=now))
            return
        started = self._clock.monotonic()
        try:
            outcome = await transport.send(envelope)
        except SmtpError as error:
            self._broken(transport, letter, error)
        else:
            self._judged(transport, letter, outcome, started)

    def _judged(
        self, transport: Transport, letter: Letter, outcome: Outcome, started: float
    ) -> None:
        verdict = judge(outcome)
        if not verdict.again:
            if outcome.stage is not Stage.MAIL:
                self._breaks = 0  # the relay works, whatever it says to this letter
        elif self._again(transport, letter, outcome):
            return
        self._answered(transport, letter, outcome, verdict, started)

    def _again(self, transport: Transport, letter: Letter, outcome: Outcome) -> bool:
        """Put the letter back for a new connection; False when that was enough."""
        error = SmtpError("refused", stage=outcome.stage, reply=outcome.reply)
        transport.abort()
        letter.tries += 1
        letter.error = error
        if letter.tries >= self._limits.tries:
            return False
        self._window.give_back(letter)
        self._count_break(error)
        return True

    def _count_break(self, error: SmtpError) -> None:
        self._breaks += 1
        if self._breaks >= self._limits.breaks:
            self._halt(trouble_of(error))

    def _answered(
        self,
        transport: Transport,
        letter: Letter,
        outcome: Outcome,
        verdict: Verdict,
        started: float,
    ) -> None:
        result = answered(
            letter.item,
            outcome,
            verdict,
            transport=transport,
            at=self._clock.now(),
            seconds=self._clock.monotonic() - started,
        )
        self._window.finish(letter, result)
        if verdict.trouble:
            self._halt(refused_by_relay(outcome, verdict))

    def _broken(self, transport: Transport, letter: Letter, error: SmtpError) -> None:
        transport.abort()
        letter.tries += 1
        letter.error = error
        if error.in_doubt or letter.tries >= self._limits.tries:
            self._window.finish(letter, self._failure(letter, error))
        else:
            self._window.give_back(letter)
        self._count_break(error)

    def _failure(self, letter: Letter, error: SmtpError) -> Result:
        host = self._transports[0].host
        return broken(letter.item, error, host=host, at=self._clock.now())
