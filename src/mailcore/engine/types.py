"""The engine's nouns: what is sent, what came of it, and whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

__all__ = [
    "Grant",
    "Item",
    "Lease",
    "LeaseLost",
    "Limits",
    "OutcomeClass",
    "RelayTrouble",
    "Result",
    "SliceReport",
]


class OutcomeClass(StrEnum):
    """What came of an attempt."""

    ACCEPTED = "accepted"  # the server answered 2xx to the message (SMTP-23)
    FAILED = "failed"
    DEFERRED = "deferred"  # will be tried again
    UNKNOWN = "unknown"  # it may have been taken: nobody can know (SMTP-24)
    SKIPPED = "skipped"  # never offered to a server; ``reason`` says why


# Items and results are made for every letter; a frozen one takes three times as long to
# make.  Nobody changes them all the same.
@dataclass(slots=True, kw_only=True)
class Item:
    """One delivery that is to be made. ``skip`` is a reason not to."""

    delivery_id: int
    position: int
    email: str
    name: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    recipient: str = ""  # the store's own name for the person, in hexadecimal digits
    skip: str = ""


@dataclass(slots=True, kw_only=True)
class Result:
    """One attempt as it is recorded. ``code`` is 0 where no server spoke."""

    delivery_id: int
    position: int
    outcome: OutcomeClass
    at: datetime
    permanent: bool = False
    code: int = 0
    enhanced: str = ""
    reply: str = ""  # the reply's text, lines separated by newlines
    stage: str = ""
    reason: str = ""  # our own code where no server spoke
    host: str = ""
    peer: str = ""
    tls: str = ""
    queue_id: str = ""
    duration_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to send one slice: positions after ``cursor`` up to the last."""

    slice_id: int
    token: str
    first_position: int
    last_position: int
    cursor: int


class LeaseLost(Exception):
    """Somebody else has taken the slice over: stop at once, record nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """So many letters may go at once; ask again after ``wait`` seconds for more."""

    count: int
    wait: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayTrouble:
    """Why a slice ended early: the relay, not a recipient, is to be looked at."""

    code: str
    stage: str
    text: str = ""
    reply: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far the engine may lean out of the window."""

    # Letters per connection that are intended but not yet recorded: what a crash can
    # make unknown (SMTP-22).
    per_connection: int = 10
    flush_seconds: float = 0.5
    renew_seconds: float = 15
    # A letter whose connection breaks before its dot is offered this often.
    tries: int = 3
    # So many broken connections in a row are the relay's trouble.
    breaks: int = 5
    # After a stop signal, letters in hand get this long.
    stop_grace_seconds: float = 8
    page: int = 1000
    # A limit that holds for longer ends the slice: others can use the connections.
    patience_seconds: float = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceReport:
    """How a slice ended: done, or with trouble, or because it was told to stop.

    ``wait``: a limit holds the rest back for so many seconds.
    """

    counts: Mapping[OutcomeClass, int]
    done: bool
    trouble: RelayTrouble | None = None
    wait: float = 0
