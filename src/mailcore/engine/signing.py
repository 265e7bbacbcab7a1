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
            if letter.envelope is not None:
                self._hand_over(letter, letter.envelope)

    def _hand_over(self, letter: Letter, envelope: Envelope) -> None:
        def settle(done: asyncio.Future[Envelope]) -> None:
            letter.waiting = False
            if done.cancelled():
                return
            letter.bug = done.exception()
            if letter.bug is None:
                letter.envelope = done.result()
            self.ready()

        letter.waiting = True
        loop = asyncio.get_running_loop()
        loop.run_in_executor(self.signers, self.sign, envelope).add_done_callback(
            settle
        )
