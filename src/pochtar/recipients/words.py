"""What a recipient is found by, and what a reader's search asks for.

Both sides are folded alike: lower case, one letter for «е» and «ё».  A recipient is found
by any part of the address or of the name; a search has several terms, which must all be
in one of the two.
"""

from __future__ import annotations

import re

from mailcore.folding import fold

__all__ = ["fold", "terms_of"]

MOST_TERMS = 6  # of one search
LONGEST_TERM = 60

_WORD = re.compile(r"[^\W_]+")
_NAME_WORD = re.compile(r"[^\W_]+(?:['’ʼ-][^\W_]+)*")


def terms_of(query: str) -> list[str]:
    """Return the parts that a found recipient must all have."""
    terms: list[str] = []
    for piece in fold(query).replace("<", " ").replace(">", " ").split():
        piece = piece.strip(".,;:\"'«»“”()@")
        # What can be an address, or a part of one, stays whole.
        whole = "@" in piece or "." in piece or "_" in piece
        terms += [piece] if whole else _NAME_WORD.findall(piece) or _WORD.findall(piece)
    return list(dict.fromkeys(term[:LONGEST_TERM] for term in terms if term))[
        :MOST_TERMS
    ]
