"""A lane: one connection, and the letters that are on their way over it.

It is the feed of its connection's stream: asked for the next letter it takes one out of
the window and has it composed; told the answer it judges it and puts the result back.
At most two letters are on their way: one whose dot is not answered, one sent ahead.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Protocol

from mailcore.compose import HeaderError
from mailcore.engine.policy import Verdict, judge
from mailcore.engine.ports import Clock, Composer, Pacer, Transport
from mailcore.engine.results import (
    answered,
    bad_header,
    broken,
    refused_by_relay,
    skipped,
)
from mailcore.engine.types import Limits, RelayTrouble, Result
from mailcore.engine.window import Letter
from mailcore.personalise import MissingValue
from mailcore.smtp.session import Envelope, Outcome, SmtpError, Stage

__all__ = ["Hall", "Lane", "prepare"]


class Hall(Protocol):
    """What a lane wants of the runner."""

    clock: Clock
    compose: Composer
    limits: Limits
    pacer: Pacer | None

    async def wait_for_letters(self) -> bool:
        """Wait until a letter is ready; False when this lane is not needed any more."""
        ...

    async def open(self, transport: Transport) -> bool: ...
    def take(self) -> Letter | None: ...
    def finish(self, letter: Letter, result: Result) -> None: ...
    def give_back(self, letter: Letter) -> None: ...
    def lose(self, letter: Letter) -> None: ...
    def count_break(self, error: SmtpError) -> None: ...
    def forget_breaks(self) -> None: ...
    def halt(self, trouble: RelayTrouble) -> None: ...


def prepare(letter: Letter, compose: Composer, now: datetime) -> None:
    """Compose the letter, or write down why there is none."""
    item = letter.item
    if item.skip:
        letter.result = skipped(item, item.skip, at=now)
        return
    try:
        letter.envelope = compose(item, now)
    except MissingValue as error:
        letter.result = skipped(item, "missing_data", detail=error.name, at=now)
    except HeaderError as error:
        letter.result = bad_header(item, error.header, at=now)


class Lane:
    def __init__(self, hall: Hall, transport: Transport) -> None:
        self._hall = hall
        self._transport = transport
        self._hand: deque[Letter] = deque()  # the oldest first
        self._bug: BaseException | None = None

    async def run(self) -> None:
        """Send letters until the runner has no more of them for this lane."""
        while await self._hall.wait_for_letters():
            if not await self._hall.open(self._transport):
                return
            try:
                await self._transport.stream(self)
            except SmtpError as error:
                self._broken(error)
            except Exception:
                while self._hand:  # a bug of ours: what became of them is not known
                    self._hall.lose(self._hand.popleft())
                raise
            self._take_back("closed", "")
            if self._bug:
                raise self._bug

    # The stream's feed ----------------------------------------------------------------
    def next(self) -> tuple[Letter, Envelope] | None:
        """Take the next letter that can be sent; settle those that cannot."""
        hall = self._hall
        while not self._bug and (letter := hall.take()):
            envelope = self._envelope_of(letter)
            if envelope is not None:
                letter.offered_at = hall.clock.monotonic()
                self._hand.append(letter)
                return letter, envelope
            if letter.result:
                hall.finish(letter, letter.result)
        return None

    def _envelope_of(self, letter: Letter) -> Envelope | None:
        try:
            if letter.bug:
                raise letter.bug
            if letter.envelope is None and letter.result is None:
                prepare(letter, self._hall.compose, self._hall.clock.now())
        except Exception as error:  # noqa: BLE001 - raised when the stream has drained
            self._hall.lose(letter)
            self._bug = error
            return None
        return letter.envelope

    def answered(self, tag: object, outcome: Outcome) -> None:
        """Judge the answer; an answer that is not about the letter offers it again."""
        letter = self._oldest(tag)
        verdict = judge(outcome)
        if not verdict.again:
            if outcome.stage is not Stage.MAIL:
                # The relay works, whatever it says to this letter.
                self._hall.forget_breaks()
        elif self._again(letter, outcome, verdict):
            return
        if verdict.trouble:
            self._blame_relay(letter, outcome, verdict)
        else:
            self._hall.finish(letter, self._result(letter, outcome, verdict))

    def _oldest(self, tag: object) -> Letter:
        letter = self._hand.popleft()
        if letter is not tag:  # one that was refused before it was offered
            self._hand.appendleft(letter)
            letter = self._hand.pop()
        assert letter is tag
        return letter

    def _again(self, letter: Letter, outcome: Outcome, verdict: Verdict) -> bool:
        """Put the letter back for a new connection; False when that was enough.

        That we are too fast is heeded at once, though it is not recorded.
        """
        error = SmtpError("refused", stage=outcome.stage, reply=outcome.reply)
        letter.tries += 1
        letter.error = error
        if letter.tries >= self._hall.limits.tries:
            return False
        if self._hall.pacer:
            result = self._result(letter, outcome, verdict)
            self._hall.pacer.heard(result, again=True)
        self._hall.give_back(letter)
        self._hall.count_break(error)
        self._transport.abort()
        return True

    def _blame_relay(self, letter: Letter, outcome: Outcome, verdict: Verdict) -> None:
        """Put the letter back: it is not the recipient who was refused (SMTP-03)."""
        code, stage = verdict.trouble, outcome.stage
        letter.error = SmtpError(code, stage=stage, reply=outcome.reply)
        self._hall.give_back(letter)
        self._hall.halt(refused_by_relay(outcome, verdict))

    def _result(self, letter: Letter, outcome: Outcome, verdict: Verdict) -> Result:
        clock = self._hall.clock
        return answered(
            letter.item,
            outcome,
            verdict,
            transport=self._transport,
            at=clock.now(),
            seconds=clock.monotonic() - letter.offered_at,
        )

    def _broken(self, error: SmtpError) -> None:
        """The oldest is in doubt if the error says so; the others were not taken."""
        self._transport.abort()
        hall = self._hall
        letter = self._hand.popleft() if self._hand else None
        self._take_back(error.code, error.text)
        if letter:
            letter.tries += 1
            letter.error = error
            if error.in_doubt or letter.tries >= hall.limits.tries:
                hall.finish(letter, self._failure(letter, error))
            else:
                hall.give_back(letter)
        hall.count_break(error)

    def _take_back(self, code: str, text: str) -> None:
        """Put back what was sent ahead: certainly not taken, whatever broke (SMTP-10)."""
        while self._hand:
            letter = self._hand.pop()
            letter.error = SmtpError(code, stage=Stage.MAIL, text=text)
            self._hall.give_back(letter)

    def _failure(self, letter: Letter, error: SmtpError) -> Result:
        host = self._transport.host
        return broken(letter.item, error, host=host, at=self._hall.clock.now())
