"""Tell the workers to look at a slice now. Losing one does no harm (beat's tick)."""

from __future__ import annotations

from pochtar.base.queue import NamedTask, nudge

DELIVER_SLICE = NamedTask("pochtar.delivery.deliver_slice")
LOOK_UP_DOMAINS = NamedTask("pochtar.delivery.look_up_domains")


def nudge_look_up(run_id: str) -> None:
    """Have the run's domains looked up once the transaction is committed."""
    nudge(LOOK_UP_DOMAINS, run_id)


def nudge_slices(slice_ids: list[int]) -> None:
    """Ask for these slices once the transaction is committed."""
    for slice_id in slice_ids:
        nudge(DELIVER_SLICE, slice_id)
