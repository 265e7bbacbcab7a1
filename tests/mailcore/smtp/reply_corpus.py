"""Replies as servers give them, one a line of ``reply_corpus.txt``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """``provider`` None: whoever it is, the words do not show it."""

    stage: str
    key: str
    provider: str | None
    reply: str

    def __str__(self) -> str:
        return f"{self.key}: {self.reply[:40]}"


def _read(line: str) -> Line:
    stage, key, provider, reply = line.split(" ", 3)
    known = {"*": None, "-": ""}.get(provider, provider)
    return Line(stage=stage.strip("-"), key=key, provider=known, reply=reply)


CORPUS = [
    _read(line)
    for line in Path(__file__).with_suffix(".txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
