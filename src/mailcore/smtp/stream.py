"""Letters over an open session, one behind the other, pipelined (RFC 2920).

    we     MAIL RCPT DATA │           message₁ . MAIL RCPT DATA │ message₂ . …
    they                  │ 250 250 354                         │ 250 250 250 354

MAIL, RCPT and DATA leave in one write (SMTP-09); the next letter's leave in the same
write as the final dot of the one before (SMTP-10).  So at most one letter on a
connection has a dot without a reply, which is what a broken connection can leave in
doubt.  A server that does not offer PIPELINING gets one command at a time.

A feed is asked for letters and told what became of them, all in the event loop and
without tasks or futures between: that is what makes a letter cheap.

Rules: replies are matched strictly in order; DATA that is answered 354 although its
only recipient was refused gets a lone dot, and the letter counts as refused; a 421
ends the session (SMTP-14); a message larger than a block is written as the network
takes it, and is in doubt only once its last block is written (SMTP-12, SMTP-24).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

from mailcore.smtp.commands import Capabilities, Opening, body_bytes
from mailcore.smtp.replies import Reply
from mailcore.smtp.route import Envelope, Outcome, SmtpError, Stage, Timeouts
from mailcore.smtp.wire import Wire

__all__ = ["Feed", "OneLetter", "Stream"]

BLOCK_BYTES = 256 * 1024


class Feed(Protocol):
    """Where letters come from. No method may wait."""

    def next(self) -> tuple[object, Envelope] | None:
        """Return the next letter and a name for it; None when there is none now."""
        ...

    def answered(self, tag: object, outcome: Outcome) -> None:
        """The letter of this name was taken, or refused."""
        ...


class OneLetter:
    """A feed of one letter, which remembers what became of it."""

    def __init__(self, envelope: Envelope) -> None:
        self._envelope: Envelope | None = envelope
        self.outcome: Outcome | None = None

    def next(self) -> tuple[object, Envelope] | None:
        envelope, self._envelope = self._envelope, None
        return (None, envelope) if envelope else None

    def answered(self, tag: object, outcome: Outcome) -> None:
        self.outcome = outcome


class _Step(StrEnum):
    """What a reply is awaited for."""

    RSET = "rset"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"
    LONE_DOT = "lone dot"


_STAGES = {
    _Step.RSET: Stage.MAIL,
    _Step.MAIL: Stage.MAIL,
    _Step.RCPT: Stage.RCPT,
    _Step.DATA: Stage.DATA,
    _Step.DOT: Stage.BODY,
    _Step.LONE_DOT: Stage.DATA,
}


class _Letter:
    """A letter between its first command and its last reply."""

    __slots__ = ("doubt", "envelope", "refused", "rest", "tag")

    def __init__(self, tag: object, envelope: Envelope) -> None:
        self.tag = tag
        self.envelope = envelope
        self.refused: Outcome | None = None
        self.doubt = False  # its dot is written and not answered
        self.rest: memoryview | None = None  # of a large message: not written yet


class Stream:
    """The letters of one session. It hears what the wire hears while it runs."""

    def __init__(
        self,
        wire: Wire,
        capabilities: Capabilities,
        timeouts: Timeouts,
        *,
        pipelining: bool,
    ) -> None:
        self.sent = 0  # letters whose dot was answered
        self._wire = wire
        self._opening = Opening(capabilities)
        self._timeouts = timeouts
        self._limits = {
            _Step.RSET: timeouts.mail,
            _Step.MAIL: timeouts.mail,
            _Step.RCPT: timeouts.rcpt,
            _Step.DATA: timeouts.data,
            _Step.DOT: timeouts.dot,
            _Step.LONE_DOT: timeouts.dot,
        }
        self.pipelining = pipelining and "PIPELINING" in capabilities
        self._feed: Feed | None = None
        self._last = 0  # stop taking letters when so many were sent
        self._taken = 0
        self._loop = asyncio.get_running_loop()
        self._until = 0.0
        self._awaited: deque[tuple[_Step, _Letter]] = deque()
        # Commands that wait for the reply to the one before (without pipelining).
        self._queued: deque[tuple[_Step, _Letter, str]] = deque()
        self._dirty = False  # an unfinished transaction needs RSET
        self._is_over = True
        self._done: asyncio.Future[None] | None = None

    async def run(self, feed: Feed, *, letters: int, seconds: float) -> None:
        """Send what the feed has; return when it has no more.

        At most ``letters`` letters are begun, and none after so many seconds.

        Raises SmtpError when the session cannot go on: the oldest letter that was not
        answered is in doubt if the error says so, every other was certainly not taken.
        Returns early after a 421, and when this session is not usable any more.
        """
        self._wire.check_silence(Stage.MAIL)
        self._feed = feed
        self._taken, self._last = self.sent, self.sent + letters
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + seconds
        self._done = self._loop.create_future()
        self._is_over = False
        self._wire.listener = self
        try:
            self._pump()
            self._arm()
            await self._done
        except asyncio.CancelledError:
            if self._awaited:
                self._wire.abort()  # half a dialogue is of no use to the next letter
            raise
        finally:
            self._is_over = True
            self._wire.listener = None
            self._awaited.clear()
            self._queued.clear()

    # What the wire calls ----------------------------------------------------------------
    def replied(self, replies: Iterable[Reply]) -> list[Reply]:
        """Match each reply with the oldest command that has none.

        Returns those that came when nothing was awaited any more.
        """
        rest = iter(replies)
        for reply in rest:
            try:
                self._match(reply)
            except SmtpError as error:
                self._end(error)
            except Exception as error:  # noqa: BLE001 - a bug of the feed's, told to run()
                self._end(error)
            if self._is_over:
                return list(rest)
        self._arm()
        return []

    def _match(self, reply: Reply) -> None:
        if not self._awaited:
            # It may have been said about what we are just about to ask: not ours.
            raise SmtpError("protocol", stage=Stage.MAIL, reply=reply)
        step, letter = self._awaited.popleft()
        self._take(step, letter, reply)
        if self._queued or not self._awaited:
            self._go_on()

    def _arm(self) -> None:
        """Give the oldest command that is awaited its time."""
        if not self._awaited:
            return
        step, letter = self._awaited[0]
        open_block = step is _Step.DOT and letter.rest is not None
        self._wire.arm(self._timeouts.block if open_block else self._limits[step])

    def failed(self, failure: SmtpError) -> None:
        """The connection is gone."""
        stage = _STAGES[self._awaited[0][0]] if self._awaited else Stage.MAIL
        if self._body_is_open:
            stage = Stage.BODY
        self._end(
            SmtpError(
                failure.code,
                stage=stage,
                text=failure.text,
                in_doubt=self._in_doubt,
            )
        )

    def writable(self) -> None:
        """The network takes bytes again: go on with a large message."""
        for step, letter in self._awaited:
            if step is _Step.DOT and letter.rest is not None:
                self._write_blocks(letter)
                self._arm()
                return

    # Replies ----------------------------------------------------------------------------
    def _take(self, step: _Step, letter: _Letter, reply: Reply) -> None:
        if step is _Step.DOT:
            self._answer_to_dot(letter, reply)
        elif step is _Step.DATA:
            self._answer_to_data(letter, reply)
        elif step is _Step.LONE_DOT:
            self._dirty = False
            self._finish(letter, letter.refused)
        elif not 200 <= reply.code < 300:
            self._refusal(step, letter, reply)
        else:
            self._dirty = step is not _Step.RSET

    def _answer_to_dot(self, letter: _Letter, reply: Reply) -> None:
        early = letter.rest is not None
        if reply.code < 400 and (early or not reply.ok):
            raise self._protocol(Stage.BODY, reply)
        letter.doubt = False
        self._dirty = False
        self.sent += 1
        self._finish(letter, Outcome(stage=Stage.BODY, reply=reply))
        if early:
            raise SmtpError("closed", stage=Stage.BODY, reply=reply)

    def _answer_to_data(self, letter: _Letter, reply: Reply) -> None:
        if reply.code == 354:
            if letter.refused:
                self._wire.write(b".\r\n")
                self._awaited.appendleft((_Step.LONE_DOT, letter))
            else:
                self._write_message(letter)
        elif reply.code < 400:
            raise self._protocol(Stage.DATA, reply)
        else:
            refused = letter.refused or Outcome(stage=Stage.DATA, reply=reply)
            self._finish(letter, refused)

    def _refusal(self, step: _Step, letter: _Letter, reply: Reply) -> None:
        stage = _STAGES[step]
        if reply.code < 400 or step is _Step.RSET:
            raise self._protocol(stage, reply)
        if letter.refused is None:
            letter.refused = Outcome(stage=stage, reply=reply)
        if reply.code == 421 or not self._waits_for_data(letter):
            self._finish(letter, letter.refused)

    def _waits_for_data(self, letter: _Letter) -> bool:
        """Whether DATA is on its way already: then its reply has the last word."""
        return any(step is _Step.DATA and one is letter for step, one in self._awaited)

    def _finish(self, letter: _Letter, outcome: Outcome | None) -> None:
        assert outcome
        assert self._feed
        if self._queued:
            self._queued.clear()
        self._feed.answered(letter.tag, outcome)
        if outcome.reply and outcome.reply.code == 421:
            # The server is about to close; what was sent ahead is not taken.
            self._end(None)
            self._wire.abort()

    def _protocol(self, stage: Stage, reply: Reply) -> SmtpError:
        doubt = stage is Stage.BODY or self._in_doubt
        return SmtpError("protocol", stage=stage, reply=reply, in_doubt=doubt)

    # Letters ----------------------------------------------------------------------------
    def _go_on(self) -> None:
        if self._is_over:
            return
        if self._queued:
            step, letter, line = self._queued.popleft()
            self._awaited.append((step, letter))
            self._wire.show("C", line)
            self._wire.write(line.encode() + b"\r\n")
        else:
            self._pump()

    def _pump(self) -> None:
        """Begin the next letter, or end: nothing is on its way."""
        begun = self._begin_next()
        if begun:
            self._wire.write(begun)
        elif not self._awaited:
            self._end(None)

    def _begin_next(self) -> bytes:
        """Take a letter from the feed; return its first commands (b"" = no letter)."""
        feed = self._feed
        assert feed
        while self._taken < self._last and self._loop.time() < self._until:
            given = feed.next()
            if given is None:
                return b""
            tag, envelope = given
            refusal = self._opening.refuse(envelope)
            if refusal is None:
                self._taken += 1
                return self._first_commands(_Letter(tag, envelope))
            feed.answered(tag, refusal)
        return b""

    def _first_commands(self, letter: _Letter) -> bytes:
        mail, rcpt = self._opening.lines(letter.envelope)
        if self.pipelining and not self._dirty and not self._wire.observed:
            self._awaited.extend(
                ((_Step.MAIL, letter), (_Step.RCPT, letter), (_Step.DATA, letter))
            )
            return f"{mail}\r\n{rcpt}\r\nDATA\r\n".encode()
        steps = [(_Step.MAIL, mail), (_Step.RCPT, rcpt), (_Step.DATA, "DATA")]
        if self._dirty:
            steps.insert(0, (_Step.RSET, "RSET"))
        now = len(steps) if self.pipelining else 1
        self._queued.extend((step, letter, line) for step, line in steps[now:])
        for step, line in steps[:now]:
            self._awaited.append((step, letter))
            self._wire.show("C", line)
        return "".join(f"{line}\r\n" for _step, line in steps[:now]).encode()

    def _write_message(self, letter: _Letter) -> None:
        envelope, wire = letter.envelope, self._wire
        data = envelope.data if envelope.clean else body_bytes(envelope.data)
        end = b".\r\n" if envelope.clean else b""
        if wire.observed:
            wire.show("-", f"{len(data)} bytes")
        self._awaited.appendleft((_Step.DOT, letter))
        if len(data) > BLOCK_BYTES:
            letter.rest = memoryview(data + end)
            self._write_blocks(letter)
            return
        letter.doubt = True
        self._dirty = False  # the dot ends the transaction
        ahead = self._begin_next() if self.pipelining else b""
        wire.write(b"".join((data, end, ahead)))

    def _write_blocks(self, letter: _Letter) -> None:
        rest = letter.rest
        assert rest is not None
        while rest and self._wire.is_writable:
            block, rest = rest[:BLOCK_BYTES], rest[BLOCK_BYTES:]
            letter.rest = rest
            self._wire.write(bytes(block))
        if not rest:
            letter.rest, letter.doubt = None, True

    # Ends -------------------------------------------------------------------------------
    @property
    def _in_doubt(self) -> bool:
        return any(letter.doubt for _step, letter in self._awaited)

    @property
    def _body_is_open(self) -> bool:
        return any(step is _Step.DOT for step, _letter in self._awaited)

    def _end(self, error: BaseException | None) -> None:
        if self._is_over:
            return
        assert self._done
        self._is_over = True
        self._wire.listener = None  # what comes now was not asked for: the wire's
        if self._done.done():  # cancelled
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)
            self._wire.abort()
