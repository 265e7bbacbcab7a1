"""What the driver of a run has on its desk: for a second, slices need not ask again.

The way, the letter and the server's address are the same for the slices that follow each
other.  Whoever changes them (a limit, a password, a key) is heard within a second, as he
is in the middle of a slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from mailcore.smtp.session import Route
from pochtar.delivery.letters import Composer
from pochtar.delivery.ways import Way

KEEP_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Plan:
    """All that a slice goes by.  ``free_until``: no limit was in force (monotonic)."""

    way: Way
    composer: Composer
    route: Route
    free_until: float = 0.0


class Desk:
    """One run's plans, by provider."""

    def __init__(self) -> None:
        self._plans: dict[str, Plan] = {}
        self._until = 0.0

    @property
    def is_old(self) -> bool:
        """Whether it is time to look at everything again."""
        return monotonic() >= self._until

    def clear(self) -> None:
        """Begin another second."""
        self._plans.clear()
        self._until = monotonic() + KEEP_SECONDS

    def forget(self) -> None:
        """Something happened: nothing of this holds any more."""
        self._until = 0.0

    def find(self, provider: str) -> Plan | None:
        return None if self.is_old else self._plans.get(provider)

    def keep(self, provider: str, plan: Plan) -> None:
        if self.is_old:
            self.clear()
        if plan.way.open_to_others:
            self._plans[provider] = plan
