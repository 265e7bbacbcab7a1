"""Tell the workers to look at a slice now. Losing one does no harm (beat's tick)."""

from __future__ import annotations

from typing import Any

from celery import current_app

from pochtar.base.queue import nudge

# An old nudge is worthless: by then the tick has sent another.  Busy workers throw old
# ones away, so that the tick itself does not stand behind them for long.
EXPIRES_SECONDS = 4


class NamedTask:
    """A task by its name: services stand below the module that defines it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def delay(self, *args: Any) -> object:
        return current_app.send_task(self.name, args=args, expires=EXPIRES_SECONDS)


DELIVER_SLICE = NamedTask("pochtar.delivery.deliver_slice")


LOOK_UP_DOMAINS = NamedTask("pochtar.delivery.look_up_domains")


def nudge_look_up(run_id: str) -> None:
    """Have the run's domains looked up once the transaction is committed."""
    nudge(LOOK_UP_DOMAINS, run_id)


def nudge_slices(slice_ids: list[int]) -> None:
    """Ask for these slices once the transaction is committed."""
    for slice_id in slice_ids:
        nudge(DELIVER_SLICE, slice_id)
