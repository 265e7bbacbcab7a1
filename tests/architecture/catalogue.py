"""Read a .po file: enough of the format for what gettext's own tools write."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

LINE = re.compile(r'^(msgctxt|msgid_plural|msgid|msgstr(?:\[(\d)\])?)? ?(".*")$')


@dataclass(slots=True, kw_only=True)
class Entry:
    fuzzy: bool = False
    context: str | None = None
    msgid: str = ""
    plural: str | None = None
    strings: dict[int, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.msgid if self.context is None else f"{self.context}\4{self.msgid}"


def read_catalogue(path: Path) -> list[Entry]:
    blocks = re.split(r"\n\s*\n", path.read_text(encoding="utf-8"))
    entries = [_read_entry(block.splitlines()) for block in blocks]
    return [entry for entry in entries if entry.strings]


def _read_entry(lines: list[str]) -> Entry:
    entry, current = Entry(), ""
    for line in lines:
        if line.startswith("#,") and "fuzzy" in line:
            entry.fuzzy = True
        if not (found := LINE.match(line)):
            continue
        current = found[1] or current
        _add(entry, current, ast.literal_eval(found[3]))
    return entry


def _add(entry: Entry, keyword: str, text: str) -> None:
    if keyword == "msgctxt":
        entry.context = (entry.context or "") + text
    elif keyword == "msgid":
        entry.msgid += text
    elif keyword == "msgid_plural":
        entry.plural = (entry.plural or "") + text
    else:
        number = int(keyword[7:-1] or 0) if "[" in keyword else 0
        entry.strings[number] = entry.strings.get(number, "") + text
