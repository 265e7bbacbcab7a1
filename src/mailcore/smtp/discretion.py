"""What an observer may hear of a login: every line, and no secret in it.

The wire masks replies itself, but a 334 challenge must reach the mechanism unharmed, and
a server may say back in it what we sent: in base64, at any place.
"""

from __future__ import annotations

from collections.abc import Iterable

from mailcore.smtp.auth import AuthError, decode_challenge
from mailcore.smtp.route import DialogueObserver
from mailcore.smtp.wire import MASK

__all__ = ["Discretion", "mask"]

CHALLENGE = "334 "


def mask(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


class Discretion:
    """Stands before an observer; ``secrets`` are the forms that it must not hear."""

    def __init__(self, observer: DialogueObserver) -> None:
        self._observer = observer
        self.secrets: frozenset[str] = frozenset()

    def __call__(self, who: str, line: str) -> None:
        if who == "S" and line.startswith(CHALLENGE) and self._gives_away(line):
            line = CHALLENGE + MASK
        self._observer(who, line)

    def _gives_away(self, line: str) -> bool:
        said = line.removeprefix(CHALLENGE)
        try:
            meant = decode_challenge(said).decode("utf-8", "replace")
        except AuthError:
            meant = ""
        return any(secret in said or secret in meant for secret in self.secrets)
