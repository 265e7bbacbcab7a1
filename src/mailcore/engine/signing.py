"""Letters that are signed in threads, ahead of their turn.

An RSA signature takes longer than all the rest of a letter, and gives the interpreter
free meanwhile.  Letters are composed here, signed there, and let out of the window in
the order of their positions, whichever signature is ready first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from mailcore.engine.lane import prepare
from mailcore.engine.ports import Clock, Composer, Signer
from mailcore.engine.window import Letter
from mailcore.smtp.session import Envelope

__all__ = ["Signing"]

# Letters of one errand to a thread: going there and back one by one costs a turn of the
# interpreter each.
TOGETHER = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """``ready`` is called when letters may have got ready."""

    sign: Signer
    signers: Executor
    compose: Composer
    clock: Clock
    ready: Callable[[], None]

    def begin(self, letters: Sequence[Letter]) -> None:
        """Compose the letters and hand them to the threads."""
        now = self.clock.now()
        for letter in letters:
            try:
                prepare(letter, self.compose, now)
            except Exception as error:  # noqa: BLE001 - raised by whoever takes it
                letter.bug = error
        composed = [letter for letter in letters if letter.envelope is not None]
        for at in range(0, len(composed), TOGETHER):
            self._hand_over(composed[at : at + TOGETHER])

    def _hand_over(self, letters: Sequence[Letter]) -> None:
        loop = asyncio.get_running_loop()
        envelopes = [letter.envelope for letter in letters if letter.envelope]
        for letter in letters:
            letter.waiting = True

        def work() -> None:
            signed = [self._try(envelope) for envelope in envelopes]
            loop.call_soon_threadsafe(self._settle, letters, signed)

        self.signers.submit(work)

    def _try(self, envelope: Envelope) -> Envelope | Exception:
        """Sign, in a thread; what goes wrong is told in the loop."""
        try:
            return self.sign(envelope)
        except Exception as error:  # noqa: BLE001 - raised by whoever takes the letter
            return error

    def _settle(
        self, letters: Sequence[Letter], signed: Sequence[Envelope | Exception]
    ) -> None:
        for letter, result in zip(letters, signed, strict=True):
            letter.waiting = False
            if isinstance(result, Exception):
                letter.bug = result
            else:  # nobody has taken it meanwhile: it was waiting
                letter.envelope = result
        self.ready()
