"""Whose turn it is: workers share their time between workspaces, whatever their size.

A nudge says "look", not "this one": the worker serves the workspace that has the
fewest slices in hand, and among those the one that it served the longest ago.  When
its turn is over and somebody with less in hand waits, it stops in the middle of the
slice, after the letters in hand, and looks again.  So a small mailing waits for one
turn of a big one at most, and two big ones share what workers there are.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from uuid import UUID

from django.utils import timezone

from pochtar.delivery.models import Run, Slice, SliceStatus
from pochtar.delivery.runs import ready_slices

TURN_SECONDS = 4
LOOK_SECONDS = 0.5  # between two questions whether somebody waits

# When this process last began a turn of a workspace.
_served: dict[UUID, float] = {}


def next_run(now: dt.datetime | None = None) -> Run | None:
    """Return the run whose turn it is; None if nothing can be sent now."""
    ready = _ready_runs(now or timezone.now())
    if not ready:
        return None
    in_hand = _in_hand()

    def rank(run: UUID) -> tuple[int, float, UUID]:
        workspace = ready[run]
        return in_hand[workspace], _served.get(workspace, 0.0), run

    chosen = min(ready, key=rank)
    run: Run = Run.objects.select_related("workspace", "relay").get(pk=chosen)
    return run


def _ready_runs(now: dt.datetime) -> dict[UUID, UUID]:
    """Return the workspaces of the runs that have something to do."""
    pairs = ready_slices(now).order_by().values_list("run", "run__workspace")
    return dict(pairs.distinct())


def _in_hand() -> Counter[UUID]:
    """Count the leased slices of each workspace."""
    leased = Slice.objects.filter(status=SliceStatus.LEASED)
    return Counter(leased.values_list("run__workspace", flat=True))


class Turn:
    """The time that a worker gives to one run before it looks again."""

    def __init__(self, run: Run) -> None:
        self._workspace = run.workspace_id
        self._began = self._looked = time.monotonic()
        _served[run.workspace_id] = self._began

    @property
    def is_over(self) -> bool:
        """Whether others may be looked at: at the end of a slice."""
        return time.monotonic() - self._began >= TURN_SECONDS

    def must_end(self) -> bool:
        """Whether somebody waits who has less in hand: then a slice is cut short."""
        if not self.is_over or time.monotonic() - self._looked < LOOK_SECONDS:
            return False
        self._looked = time.monotonic()
        in_hand = _in_hand()
        mine = in_hand[self._workspace]
        waiting = set(_ready_runs(timezone.now()).values())
        return any(in_hand[other] < mine for other in waiting)
