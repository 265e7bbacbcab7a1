"""The few letters that are intended but not yet recorded: pure bookkeeping.

    ──recorded──┬────────────── window ──────────────┬──certainly unsent──
                │ done · in hand · ready · coming    │
                                                   cursor

``cursor`` is committed in the store before a letter becomes ``ready``.  When a slice
ends early, the letters still ready were never sent, and the cursor goes back to the
highest position that was: whoever comes next finds them pending.  A ready letter below
that position (its connection broke before the dot, it was put back, and others went
past it) cannot be expressed by a cursor; it is a *gap*, and gets a row of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.engine.types import Item, Result
from mailcore.smtp.session import Envelope, SmtpError

__all__ = ["Letter", "Window"]


@dataclass(slots=True, kw_only=True)
class Letter:
    """An item on its way, and how often it was offered in vain."""

    item: Item
    tries: int = 0
    error: SmtpError | None = None
    offered_at: float = 0
    envelope: Envelope | None = None
    waiting: bool = False  # for its signature
    # Instead of an envelope: what is recorded because there is none, or a bug of ours.
    result: Result | None = None
    bug: BaseException | None = None

    def withhold(self, result: Result) -> None:
        """Drop what was composed, perhaps signed: the letter is not to be sent."""
        self.envelope, self.result = None, result


class Window:
    """At most ``limit`` letters between the cursor and their records."""

    def __init__(self, *, cursor: int, limit: int) -> None:
        self.cursor = cursor
        self.limit = limit
        self.done: list[Result] = []
        self._ready: deque[Letter] = deque()
        self._coming: deque[Letter] = deque()  # not ready yet, in order of position
        self._in_hand: dict[int, Letter] = {}
        self._highest = cursor
        self.on_their_way = 0  # intended, and without a result yet

    @property
    def room(self) -> int:
        return max(0, self.limit - len(self.done) - self.on_their_way)

    @property
    def in_hand(self) -> int:
        return len(self._in_hand)

    @property
    def empty(self) -> bool:
        """Whether no letter is waiting or on the wire (results may be unrecorded)."""
        return not self.on_their_way

    @property
    def has_more(self) -> bool:
        """Whether lanes have, or will soon have, something to take."""
        return bool(self._ready or self._coming)

    def has_ready(self, *, gaps_only: bool = False) -> bool:
        return bool(self._ready) and (
            not gaps_only or self._ready[0].item.position < self._reached
        )

    @property
    def _reached(self) -> int:
        return max([self._highest, *self._in_hand])

    def intend(self, items: Sequence[Item], *, cursor: int) -> list[Letter]:
        """Make letters of the items; their cursor is committed."""
        self.cursor = cursor
        letters = [Letter(item=item) for item in items]
        self._coming.extend(letters)
        self.on_their_way += len(letters)
        return letters

    def let_out(self) -> None:
        """Hand out, in order of position, what waits for no signature."""
        while self._coming and not self._coming[0].waiting:
            self._ready.append(self._coming.popleft())

    def take(self, *, gaps_only: bool = False) -> Letter | None:
        if not self._ready or (gaps_only and not self.has_ready(gaps_only=True)):
            return None
        letter = self._ready.popleft()
        self._in_hand[letter.item.position] = letter
        return letter

    def finish(self, letter: Letter, result: Result) -> None:
        position = letter.item.position
        del self._in_hand[position]
        self.on_their_way -= 1
        if position > self._highest:
            self._highest = position
        self.done.append(result)

    def give_back(self, letter: Letter) -> None:
        """Put back a letter that was certainly not sent, in order of position."""
        position = letter.item.position
        del self._in_hand[position]
        place = sum(1 for other in self._ready if other.item.position < position)
        self._ready.insert(place, letter)

    def lose(self, letter: Letter) -> None:
        """Leave a letter behind the cursor without a record: recovery will see it."""
        del self._in_hand[letter.item.position]
        self.on_their_way -= 1
        self._highest = max(self._highest, letter.item.position)

    def recorded(self, count: int) -> None:
        del self.done[:count]

    def close(self) -> tuple[int, list[Letter]]:
        """Return where the cursor belongs now, and the gaps below it."""
        reached = self._reached
        gaps = [one for one in self._ready if one.item.position < reached]
        self.on_their_way -= len(self._ready) + len(self._coming)
        self._ready.clear()
        self._coming.clear()
        return reached, gaps
