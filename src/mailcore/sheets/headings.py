"""Guess from a column's heading where its values belong.

1. Headings are compared without case, punctuation and the dots of "ё".
2. The e-mail is looked for among the columns that hold addresses, if that is known;
   the fullest is taken.  Without such knowledge the heading alone decides.
3. "Name" is the whole name unless another column has the family name.
4. Everything else may become an attribute; its key is made from the heading.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.sheets.dialects import is_address
from mailcore.sheets.headingwords import (
    COMMENT,
    EMAIL,
    FIRST_NAME,
    FULL_NAME,
    LAST_NAME,
    NAME,
    ROW_NUMBER,
)
from mailcore.sheets.model import Column, ColumnKind, ColumnTo

__all__ = ["is_known_heading", "key_from", "recognise"]

LONGEST_KEY = 50
_RESERVED = frozenset({"email", "full_name", "unsubscribe_url"})

_EMAIL_WORD = re.compile(r"\b(?:e ?mail|емейл|имейл|почта|почты|mail)\b")


@dataclass(frozen=True, slots=True)
class _Heading:
    place: int
    words: str
    kind: ColumnKind | None
    addresses: int
    blank: bool


def recognise(
    titles: Sequence[str],
    kinds: Sequence[ColumnKind] = (),
    *,
    rows: Sequence[Sequence[str]] = (),
) -> list[Column]:
    """Propose for each column where it goes; at most one is the e-mail.

    With ``kinds`` and ``rows`` of the preview a column of addresses is found under
    any heading, and of two the fuller one wins.  Keys are unique and valid.
    """
    headings = [_heading(place, titles, kinds, rows) for place in range(len(titles))]
    goals = _goals(headings)
    columns: list[Column] = []
    taken: set[str] = set()
    for heading, title in zip(headings, titles, strict=True):
        key = _unique(key_from(title, place=heading.place), taken)
        taken.add(key)
        columns.append(Column(title=title, to=goals[heading.place], key=key))
    return columns


def is_known_heading(title: str) -> bool:
    """Tell whether a cell is one of the headings that have a meaning here."""
    words = _words(title)
    sets = (EMAIL, FULL_NAME, NAME, FIRST_NAME, LAST_NAME, COMMENT)
    return any(words in known for known in sets)


def key_from(title: str, *, place: int) -> str:
    """Return a valid key of an attribute: letters of any alphabet, digits and "_"."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", title).lower())
    key = re.sub(r"[\W_]+", "_", text).strip("_")
    if not key:
        return f"column_{place + 1}"
    if not key[0].isalpha() or key in _RESERVED:
        key = f"column_{key}"
    return key[:LONGEST_KEY].rstrip("_")


def _unique(key: str, taken: set[str]) -> str:
    number, free = 2, key
    while free in taken:
        ending = f"_{number}"
        free = key[: LONGEST_KEY - len(ending)] + ending
        number += 1
    return free


def _words(title: str) -> str:
    text = unicodedata.normalize("NFKC", title.replace("№", "#")).lower()
    return " ".join(re.findall(r"[^\W_]+|#", text.replace("ё", "е")))


def _heading(
    place: int,
    titles: Sequence[str],
    kinds: Sequence[ColumnKind],
    rows: Sequence[Sequence[str]],
) -> _Heading:
    cells = [row[place] for row in rows if place < len(row) and row[place].strip()]
    return _Heading(
        place=place,
        words=_words(titles[place]),
        kind=kinds[place] if place < len(kinds) else None,
        addresses=sum(map(is_address, cells)),
        blank=not titles[place].strip() and not cells,
    )


def _goals(headings: Sequence[_Heading]) -> list[ColumnTo]:
    goals: list[ColumnTo] = [
        "skip" if heading.blank or heading.words in ROW_NUMBER else "attribute"
        for heading in headings
    ]
    email = max(headings, key=_email_merit, default=None)
    if email and _email_merit(email) > _NO_EMAIL:
        goals[email.place] = "email"
    for goal, words in _names(headings, goals):
        places = (heading.place for heading in headings if heading.words in words)
        place = next((one for one in places if goals[one] == "attribute"), None)
        if place is not None:
            goals[place] = goal
    return goals


_NO_EMAIL = (False, 0, 0)


def _email_merit(heading: _Heading) -> tuple[bool, int, int]:
    if heading.words in EMAIL:
        by_heading = 2
    else:
        by_heading = 1 if _EMAIL_WORD.search(heading.words) else 0
    if heading.kind == "email":
        return (True, heading.addresses, by_heading)
    return (False, by_heading, 0)


def _names(
    headings: Sequence[_Heading], goals: Sequence[ColumnTo]
) -> list[tuple[ColumnTo, frozenset[str]]]:
    """Return which headings may be what, in view of the headings that are there."""
    open_words = {one.words for one in headings if goals[one.place] == "attribute"}
    comment: tuple[ColumnTo, frozenset[str]] = ("comment", COMMENT)
    if open_words & FULL_NAME:
        return [("full_name", FULL_NAME), comment]
    if open_words & LAST_NAME:
        return [("first_name", FIRST_NAME | NAME), ("last_name", LAST_NAME), comment]
    if open_words & NAME:
        return [("full_name", NAME), comment]
    return [("first_name", FIRST_NAME), comment]
