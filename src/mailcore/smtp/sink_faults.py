"""A menu of faults by chance, the same for the same seed: what the drill sends through.

Each letter draws once: most get nothing, some one dish.  The draw depends on the
seed, the recipient and how often that recipient was offered, and on nothing else.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mailcore.smtp.sink import Step

__all__ = ["MENU", "Dish", "Faults"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dish:
    """A fault: at which stage, what, and how many of 10,000 letters get it."""

    stage: str
    step: Step
    share: int


MENU: Mapping[str, Dish] = MappingProxyType(
    {
        "closing": Dish(stage="rcpt", step=Step("421 4.3.2 closing"), share=20),
        "greylist": Dish(stage="rcpt", step=Step("450 4.7.1 greylisted"), share=80),
        "local": Dish(stage="rcpt", step=Step("451 4.3.0 try later"), share=60),
        "storage": Dish(stage="dot", step=Step("452 4.3.1 no room"), share=60),
        "nobody": Dish(stage="rcpt", step=Step("550 5.1.1 no such user"), share=120),
        "drop_before": Dish(stage="body", step=Step(drop=True), share=30),
        "reset_before": Dish(stage="body", step=Step(reset=True), share=20),
        # The letter is in the record, and nobody will ever hear of it.
        "drop_after": Dish(stage="dot", step=Step(drop=True), share=20),
        "reset_after": Dish(stage="dot", step=Step(reset=True), share=10),
        "stall": Dish(stage="dot", step=Step(delay=3), share=10),
        "slow": Dish(stage="rcpt", step=Step(delay=0.2, bytewise=True), share=60),
        # Long enough to be killed in: the letter is taken, the answer is not said.
        "hold": Dish(stage="dot", step=Step(delay=0.6), share=150),
    }
)
WHOLE = 10_000


@dataclass(slots=True)
class Faults:
    """A ``Script.choose`` that serves from the menu."""

    seed: str
    menu: Mapping[str, Dish] = field(default_factory=lambda: MENU)
    _offered: dict[str, int] = field(default_factory=dict)
    _ordered: dict[str, Dish] = field(default_factory=dict)

    def __call__(self, stage: str, argument: str, count: int) -> Step | None:
        if stage == "rcpt":
            self._order(argument)
        dish = self._ordered.get(argument)
        if dish is None or dish.stage != stage:
            return None
        del self._ordered[argument]
        return dish.step

    def _order(self, address: str) -> None:
        number = self._offered[address] = self._offered.get(address, 0) + 1
        self._ordered.pop(address, None)
        dish = self.draw(address, number)
        if dish:
            self._ordered[address] = dish

    def draw(self, address: str, number: int) -> Dish | None:
        """Return what the address gets when it is offered for the n-th time."""
        chance = random.Random(f"{self.seed} {address} {number}")  # noqa: S311
        rolled = chance.randrange(WHOLE)
        for dish in self.menu.values():
            rolled -= dish.share
            if rolled < 0:
                return dish
        return None
