"""What a recipient is found by, and what a reader's search asks for.

Both sides are folded alike: lower case, one letter for «е» and «ё», and the words are
cut at everything that is neither letter nor digit.  An address gives itself, the parts
of its local part, and its domain, so that "petrova", "anna.pe" and "example.com" all
find <anna.petrova@example.com>.
"""

from __future__ import annotations

import re
import unicodedata

from mailcore.addresses import readable_key
from pochtar.recipients.models import Recipient, SearchWord

MOST_WORDS = 24  # of one recipient
MOST_TERMS = 6  # of one search

_WORD = re.compile(r"[^\W_]+")
_NAME_WORD = re.compile(r"[^\W_]+(?:['’ʼ-][^\W_]+)*")


def fold(text: str) -> str:
    """Return the text for comparison: spaces joined, case and «ё» evened out."""
    text = unicodedata.normalize("NFC", " ".join(text.split())).lower()
    return text.replace("ё", "е")


def words_of(*, email_key: str, full_name: str) -> list[str]:
    """Return the words that find the recipient, each once."""
    key = fold(email_key)
    local, _at, domain = key.rpartition("@")
    # The first part of the local part is the beginning of the address itself.
    words = [key, domain, *_WORD.findall(local)[1:]]
    if (readable := fold(readable_key(email_key))) != key:
        words += [readable, readable.rpartition("@")[2]]
    for word in _NAME_WORD.findall(fold(full_name)):
        words += [word, *_WORD.findall(word)[1:]]
    return list(dict.fromkeys(word[: SearchWord.LONGEST] for word in words))[
        :MOST_WORDS
    ]


def terms_of(query: str) -> list[str]:
    """Return the beginnings of words that a found recipient must all have."""
    terms: list[str] = []
    for piece in fold(query).replace("<", " ").replace(">", " ").split():
        piece = piece.strip(".,;:\"'«»“”()@")
        # What can be an address, or a part of one, stays whole.
        whole = "@" in piece or "." in piece
        terms += [piece] if whole else _NAME_WORD.findall(piece) or _WORD.findall(piece)
    return list(dict.fromkeys(term[: SearchWord.LONGEST] for term in terms if term))[
        :MOST_TERMS
    ]


def search_words(recipients: list[Recipient]) -> list[SearchWord]:
    """Return the rows, not yet saved, that make the recipients found."""
    return [
        SearchWord(workspace_id=row.workspace_id, recipient_id=row.pk, word=word)
        for row in recipients
        for word in words_of(email_key=row.email_key, full_name=row.full_name)
    ]
