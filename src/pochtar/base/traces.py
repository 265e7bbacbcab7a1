"""What a person is recognised by in texts, and how to take it out of them (LAW-06).

Tables that hold something about a person have a function each that takes it away; it is
given these traces.  Lower layers know nothing of the ones above, so whoever stands on
top collects the functions (mailings/erasure.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from uuid import UUID

HIDDEN = "•••"
# A shorter one may be a part of anything: it is hidden only where it stands alone.
DISTINCTIVE = 4


@dataclass(frozen=True)
class Traces:
    """``addresses`` in every spelling; ``texts`` are the name and attribute values.

    ``other_ids`` are the keys of those who were merged into the recipient.
    """

    workspace_id: UUID
    recipient_id: UUID
    addresses: frozenset[str]
    texts: frozenset[str] = frozenset()
    other_ids: frozenset[UUID] = frozenset()

    @property
    def ids(self) -> list[UUID]:
        return [self.recipient_id, *sorted(self.other_ids)]

    def addresses_only(self) -> Traces:
        """Return what to hide where a line is about many."""
        return replace(self, texts=frozenset())

    @cached_property
    def _lowered(self) -> tuple[str, ...]:
        return tuple(address.lower() for address in self.addresses)

    def named_in(self, text: str) -> bool:
        """Say whether one of the addresses stands in the text: cheaply, for files."""
        lowered = text.lower()
        return any(address in lowered for address in self._lowered)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        locals_ = {address.rpartition("@")[0] for address in self.addresses}
        needles = sorted(
            {*self.addresses, *locals_, *self.texts}, key=len, reverse=True
        )
        return re.compile("|".join(map(_bounded, filter(None, needles))), re.IGNORECASE)

    def hide(self, text: str) -> str:
        """Return the text without the person."""
        return self._pattern.sub(HIDDEN, text)

    def hide_in(self, value: Any) -> Any:
        """Return JSON without the person; the keys stay."""
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, list):
            return [self.hide_in(each) for each in value]
        if isinstance(value, dict):
            return {key: self.hide_in(each) for key, each in value.items()}
        return value

    def occur_in(self, text: str) -> bool:
        return bool(self._pattern.search(text))


Eraser = Callable[[Traces], None]


def telling(texts: Iterable[str]) -> frozenset[str]:
    """Return those by which somebody could be recognised: not "5", nor "yes"."""
    stripped = (text.strip() for text in texts)
    return frozenset(text for text in stripped if len(text) >= DISTINCTIVE)


def _bounded(needle: str) -> str:
    escaped = re.escape(needle)
    return escaped if len(needle) >= DISTINCTIVE else rf"(?<!\w){escaped}(?!\w)"
