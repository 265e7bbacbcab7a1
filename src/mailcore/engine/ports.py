"""What the engine needs from outside, as protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from mailcore.engine.types import Grant, Item, Lease, Result
from mailcore.smtp.session import Envelope
from mailcore.smtp.stream import Feed

__all__ = ["Clock", "Composer", "Observer", "Outbox", "Pacer", "Signer", "Transport"]

# Makes the letter. Raises MissingValue or HeaderError for this one recipient.
Composer = Callable[[Item, datetime], Envelope]
# Adds the signature to a composed letter. Called in threads, ahead of sending.
Signer = Callable[[Envelope], Envelope]


class Outbox(Protocol):
    """The store of deliveries. Writes raise LeaseLost if the lease is gone."""

    async def read(self, lease: Lease, *, after: int, limit: int) -> Sequence[Item]:
        """Return the deliveries after a position not yet passed, in order."""
        ...

    async def advance(
        self, lease: Lease, *, results: Sequence[Result], cursor: int
    ) -> Mapping[int, str]:
        """Record results, move the cursor and renew the lease, in one transaction.

        Returns who must not get a letter after all: positions already read, and why
        (MSG-25).
        """
        ...

    async def release(
        self, lease: Lease, *, results: Sequence[Result], cursor: int, done: bool
    ) -> None:
        """Record results, set the cursor (it may go back) and give the lease up."""
        ...


class Transport(Protocol):
    """One connection to the relay, re-opened as needed."""

    @property
    def host(self) -> str: ...
    @property
    def peer(self) -> str: ...
    @property
    def tls(self) -> str: ...

    async def open(self) -> None:
        """Make ready for a letter; nothing to do while open. Raises SmtpError."""
        ...

    async def stream(self, feed: Feed) -> None:
        """Send what the feed has until it has no more, or a new connection is needed.

        Raises SmtpError: then the oldest letter without an answer is in doubt if the
        error says so, and every other one was certainly not taken.
        """
        ...

    def abort(self) -> None:
        """Drop the connection; a running ``stream`` raises SmtpError."""
        ...


class Pacer(Protocol):
    """How fast letters may go: the limits of the relay and of the provider."""

    async def reserve(self, count: int, *, in_flight: int) -> Grant:
        """Say how many of ``count`` more letters may go now, beside those in flight."""
        ...

    def heard(self, result: Result, *, again: bool = False) -> None:
        """Learn from an answer (a provider that asks to slow down).

        ``again``: it is not recorded, for the letter is offered once more.
        """
        ...


class Clock(Protocol):
    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...


class Observer(Protocol):
    def recorded(self, results: Sequence[Result]) -> None:
        """Called after results were committed."""
        ...
