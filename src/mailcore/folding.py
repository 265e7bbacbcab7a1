"""Compare texts as people do: the case does not matter, and «ё» is «е».

Two ways, because a database can do only one of them:

1. `fold` makes the text that is stored in a column of its own and compared as it is.
2. `even` and `pattern` compare a text that is stored as it was typed.  One character
   always stands for one, and which ones are the same is settled here and written into
   the regular expression, so that no locale of a database has a say.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

__all__ = ["even", "fold", "pattern"]

_SAME = {"ё": "е", "Ё": "е"}


def fold(text: str) -> str:
    """Return the text for comparison: spaces joined, case and «ё» evened out."""
    text = unicodedata.normalize("NFC", " ".join(text.split())).lower()
    return text.replace("ё", "е")


def even(text: str) -> str:
    """Return the text with each character in the one form of those that are the same."""
    return "".join(map(_even, text))


def pattern(text: str) -> str:
    """Return a regular expression, of Python and of PostgreSQL, for what is `even`."""
    return "".join(map(_class, even(text)))


@lru_cache(maxsize=4096)
def _even(character: str) -> str:
    if same := _SAME.get(character):
        return same
    lower = character.lower()
    # «ẞ», «K» (kelvin) and the like have no way back: they are only themselves.
    return lower if lower.upper() == character and len(lower) == 1 else character


@lru_cache(maxsize=4096)
def _class(character: str) -> str:
    if character == "е":
        return "[еЕёЁ]"
    upper = character.upper()
    if upper != character and len(upper) == 1 and _even(upper) == character:
        return f"[{character}{upper}]"
    return escaped(character)


def escaped(text: str) -> str:
    """Return a regular expression, of both kinds, for exactly this text."""
    return "".join(
        f"\\{one}" if one.isascii() and not one.isalnum() and one != "_" else one
        for one in text
    )
