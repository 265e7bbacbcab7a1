"""Turn what a person pastes into a table.

1. Tabs come from a spreadsheet: cells are cut there.
2. Where most pieces between commas, semicolons and line ends are addresses, it is a
   list of addresses; a name before "<" goes with the address.  Pieces that are no
   address stay, to be refused with their reason.
3. Anything else is CSV already.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from mailcore.sheets.headings import is_known_heading

__all__ = ["from_paste"]

_NAMED = re.compile(r"([^<>]*)<([^<>]*)>")
_BETWEEN = re.compile(r"[,;]")
_TITLES = ("email", "full_name")


def from_paste(text: str) -> bytes:
    """Return UTF-8 CSV of pasted cells, or of a list of addresses.

    Understood are cells copied from a spreadsheet, CSV, and addresses, with or without
    names (``Name <a@b.ru>``), one a line or separated by commas or semicolons.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    if "\t" in text:
        return _csv(_cells(text))
    lines = [people for line in text.split("\n") if (people := _people(line))]
    titles = lines[0] if lines and is_known_heading(lines[0][0][0]) else []
    people = [person for line in lines[bool(titles) :] for person in line]
    if len(titles) > 1 or not _is_list(people):
        return text.encode("utf-8", "replace")
    if any(name for _, name in people):
        return _csv([_TITLES, *people])
    return _csv([address] for address, _ in [*titles, *people])


def _is_list(people: list[tuple[str, str]]) -> bool:
    return sum("@" in address for address, _ in people) * 2 > len(people)


def _cells(text: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text), delimiter="\t", strict=True))
    except csv.Error:  # a quote that is only a quote
        return [line.split("\t") for line in text.split("\n")]


def _people(line: str) -> list[tuple[str, str]]:
    """Return the addresses of a line, each with its name or ""."""
    people: list[tuple[str, str]] = []
    end = 0
    for match in _NAMED.finditer(line):
        *before, name = _split_before_name(match[1])
        people += [person for piece in before for person in _plain(piece)]
        people.append((match[2].strip(), _unquoted(name)))
        end = match.end()
    return people + _plain(line[end:])


def _split_before_name(text: str) -> list[str]:
    """Part a name from the addresses before it; a comma may belong to the name."""
    cut = max(text.rfind("@"), 0)
    comma = _BETWEEN.search(text, cut) if "@" in text else None
    return [text[: comma.end()], text[comma.end() :]] if comma else [text]


def _plain(text: str) -> list[tuple[str, str]]:
    people: list[tuple[str, str]] = []
    for piece in filter(None, map(str.strip, _BETWEEN.split(text))):
        words = piece.split()
        addresses = words if all("@" in word for word in words) else [piece]
        people += [(address, "") for address in addresses]
    return people


def _unquoted(name: str) -> str:
    name = name.strip(" \t,;")
    if len(name) > 1 and name[0] == name[-1] == '"':
        return name[1:-1].replace('\\"', '"')
    return name


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue().encode("utf-8", "replace")
