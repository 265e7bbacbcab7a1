"""What a drill is to do, and the few numbers that its installation is set to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WORKER, SINK, DATABASE = "worker", "sink", "database"
TARGETS = (WORKER, SINK, DATABASE)
SQLITE, POSTGRES = "sqlite", "postgres"

CONNECTIONS = 4
CHUNK = 10
SLICES_AT_ONCE = 2  # threads of one worker
SLICE_SIZE = 100
REPLY_SECONDS = 0.04  # a server that is not on the same machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often to kill, whom, and what is sent meanwhile."""

    kills: int = 30
    seed: int = 1
    recipients: int = 1000  # of each mailing; there are as many mailings as it takes
    workers: int = 2
    database: str = SQLITE
    targets: tuple[str, ...] = TARGETS
    patience: float = 120  # seconds without any progress: it hangs

    @property
    def victims(self) -> tuple[str, ...]:
        """Who can be killed: SQLite has no process of its own."""
        alone = self.database == SQLITE
        return tuple(t for t in self.targets if not (t == DATABASE and alone))


def settings_of_the_drill() -> Mapping[str, str]:
    """Return what the drill's installation is configured with."""
    return {
        "DEBUG": "off",
        "ALLOW_PRIVATE_RELAYS": "on",  # the sink stands on this machine
        "DELIVERY_CONNECTIONS": str(CONNECTIONS),
        "DELIVERY_CHUNK_PER_CONNECTION": str(CHUNK),
        "DELIVERY_SLICE_SIZE": str(SLICE_SIZE),
        # All at once and to everybody, and what is put off is due in a few seconds.
        "LAUNCH_UNDO_SECONDS": "0",
        "CANARY_SHARE": "0",
        "RETRY_MINUTES": "0.03,0.05,0.1,0.2",
        "RETRY_GREYLISTED_MINUTES": "0.05",
    }


def unknown_per_kill(target: str, workers: int) -> int:
    """Return how many letters one kill may leave in doubt at most (SMTP-22).

    A killed worker: what its windows held.  A killed database: the same of all
    workers, for none of them could write down what it heard.  A killed sink: one
    letter for each connection.
    """
    lanes = CONNECTIONS * SLICES_AT_ONCE
    return {
        WORKER: lanes * CHUNK,
        SINK: lanes * workers,
        DATABASE: lanes * CHUNK * workers,
    }[target]
