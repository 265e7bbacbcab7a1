"""The header fields by which mail services know a mailing, and a way out of it.

1. What is the same in every letter of a mailing is written once: `bulk_fields`.
2. What names one letter is written for each: `unsubscribe_fields`, `delivery_field`.

All of them are structured: no encoded-word but in the list's name, and folded only
between tokens (MSG-19).  A web address is never folded, however long: its bytes arrive
as they left (RFC 2369 section 2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailcore.headers import HeaderError, phrase_field

__all__ = [
    "DELIVERY_HEADER",
    "LONGEST_LIST_ID",
    "Bulk",
    "bulk_fields",
    "delivery_field",
    "unsubscribe_fields",
]

DELIVERY_HEADER = "X-Pochtar-Delivery"

LONGEST_LIST_ID = 255  # RFC 2919 section 3
_LONGEST_URI = 900  # with its neighbours far below the 998 of a line
_LIST_ID = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
_URI = re.compile(r"(?:https?|mailto):[!#-;=?-\[\]_a-z~]+")
_FEEDBACK_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SENDER_ID = re.compile(r"[A-Za-z0-9]{5,15}")
_KIND = re.compile(r"[A-Za-z0-9]{1,32}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")
_ONE_CLICK = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """What all letters of a mailing say of themselves.

    ``feedback`` are the three fields before the sender's id (Google's Feedback-ID), from
    the narrowest to the widest: nothing in them may name a recipient.
    """

    list_id: str  # like a domain name, the same for ever (RFC 2919)
    list_name: str = ""
    feedback: tuple[str, str, str]
    sender_id: str
    kind: str  # of mail, not of letter: X-Mailru-Msgtype


def bulk_fields(bulk: Bulk) -> bytes:
    """Return the fields that are the same in all letters, or raise `HeaderError`."""
    _check("List-Id", bulk.list_id, _LIST_ID)
    if len(bulk.list_id) > LONGEST_LIST_ID:
        raise HeaderError("List-Id", "too long")
    _check("X-Mailru-Msgtype", bulk.kind, _KIND)
    return b"".join(
        [
            phrase_field("List-Id", bulk.list_name, bulk.list_id),
            _feedback_field(bulk),
            b"Precedence: bulk\r\n",
            f"X-Mailru-Msgtype: {bulk.kind}\r\n".encode("ascii"),
        ]
    )


def unsubscribe_fields(url: str, *, mailto: str = "") -> bytes:
    """Return List-Unsubscribe, and one click's field where the address is https.

    RFC 8058 section 3.1 asks for an https address; with http there is the page alone.
    """
    fields = f"List-Unsubscribe: <{_uri(url)}>"
    if mailto:
        fields += f",\r\n <{_uri(mailto)}>"
    fields += "\r\n"
    if url.startswith("https:"):
        fields += _ONE_CLICK
    return fields.encode("ascii")


def delivery_field(token: str) -> bytes:
    """Return the field by which a complaint is traced to its delivery (MSG-29)."""
    _check(DELIVERY_HEADER, token, _TOKEN)
    return f"{DELIVERY_HEADER}: {token}\r\n".encode("ascii")


def _feedback_field(bulk: Bulk) -> bytes:
    words = (*bulk.feedback, bulk.sender_id)
    for word in bulk.feedback:
        _check("Feedback-ID", word, _FEEDBACK_WORD)
    _check("Feedback-ID", bulk.sender_id, _SENDER_ID)
    if len(set(words)) < len(words):
        raise HeaderError("Feedback-ID", "the same value in two of its fields")
    return f"Feedback-ID: {':'.join(words)}\r\n".encode("ascii")


def _uri(uri: str) -> str:
    if len(uri) > _LONGEST_URI or not _URI.fullmatch(uri):
        raise HeaderError("List-Unsubscribe", "not an address that can stand here")
    return uri


def _check(header: str, value: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(value):
        raise HeaderError(header, "not of the right form")
