"""What names a letter: tokens in its headers and links, and the way back from them.

Two purposes, two keys.  A *delivery* token stands in the Message-ID, in a header of
ours and in the envelope's id: whoever reports a letter shows one of them (MSG-29).  An
*unsubscribe* token lets its bearer out of the mailings: it is only in the letter's
links and List-Unsubscribe, names the recipient too, and never expires (MSG-24).

Nothing is stored: a token is the ids and a tag of 128 bits, so reading one needs no
index, and a forged one does not reach the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote
from uuid import UUID

from django.conf import settings

from mailcore.bulk import DELIVERY_HEADER
from mailcore.compose import Marks, name_fields
from mailcore.engine.types import Item
from mailcore.tokens import TokenError, TokenSigner
from pochtar.accounts.models import Workspace

__all__ = [
    "LetterName",
    "Naming",
    "UnsubscribeToken",
    "name_of_test",
    "read_delivery_token",
    "read_unsubscribe_token",
    "run_naming",
    "sample_url",
    "trace_headers",
]

DELIVERY, UNSUBSCRIBE = "delivery", "unsubscribe"
UNSUBSCRIBE_PATH = "/u/"  # and the token, and "/" (web/public/unsubscribe.py)
ID_BYTES, UUID_BYTES = 8, 16
NOBODY = "0" * 32  # then the delivery leads to the recipient

_TOKEN = re.compile(rb"[A-Za-z0-9_-]{30,}")
# In the order of trust: what we wrote for this, then what mail programs rewrite least.
_TRACED = (DELIVERY_HEADER, "Message-ID", "X-Original-Message-ID", "In-Reply-To")


class LetterName(NamedTuple):
    """How one letter is named outside: on the envelope, and in it."""

    fields: bytes  # Message-ID, the ways out and our own field, as they stand in it
    unsubscribe_url: str
    envid: str = ""  # the delivery's token


Naming = Callable[[Item], LetterName]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeToken:
    """Whom a token lets out. A test letter's names the workspace alone."""

    workspace_id: UUID | None = None
    recipient_id: UUID | None = None
    delivery_id: int = 0


def run_naming(*, domain: str) -> Naming:
    """Return what names the letters of a run, 2 µs each; ``domain`` is the sender's."""
    deliveries, leavers = _signers(DELIVERY)[0], _signers(UNSUBSCRIBE)[0]
    start, frame = _unsubscribe_start(), _frame(domain)
    twice = bool(settings.UNSUBSCRIBE_MAILTO)  # the way out is a mailbox too

    def name(item: Item) -> LetterName:
        number = item.delivery_id.to_bytes(ID_BYTES)
        token = deliveries.sign_lasting(number)
        leave = leavers.sign_lasting(bytes.fromhex(item.recipient or NOBODY) + number)
        tokens = (token, leave, leave, token) if twice else (token, leave, token)
        return LetterName(frame % tokens, f"{start}{leave.decode()}/", token.decode())

    return name


def _frame(domain: str) -> bytes:
    """Return the fields with "%b" for the tokens: delivery, unsubscribe…, delivery.

    They are checked here, with tokens like those to come: all of a kind are equally long
    and of the same alphabet, so one letter's fields are as good as another's (MSG-20).
    """
    token = _signers(DELIVERY)[0].sign(bytes(ID_BYTES))
    leave = _signers(UNSUBSCRIBE)[0].sign(bytes(UUID_BYTES + ID_BYTES))
    mailbox = settings.UNSUBSCRIBE_MAILTO
    marks = Marks(
        unsubscribe_url=f"{_unsubscribe_start()}{leave}/",
        unsubscribe_mailto=_mailto(mailbox, leave) if mailbox else "",
        token=token,
    )
    fields = name_fields(f"<{token}@{domain}>", marks).replace(b"%", b"%%")
    return fields.replace(token.encode(), b"%b").replace(leave.encode(), b"%b")


def name_of_test(workspace: Workspace, *, message_id: str) -> LetterName:
    """Return the name of a test letter: its links lead to a page that does nothing."""
    url = sample_url(workspace)
    return LetterName(name_fields(message_id, Marks(unsubscribe_url=url)), url)


def sample_url(workspace: Workspace) -> str:
    """Return an unsubscribe address for previews and tests."""
    token = _signers(UNSUBSCRIBE)[0].sign(workspace.pk.bytes)
    return f"{_unsubscribe_start()}{token}/"


def read_unsubscribe_token(token: str) -> UnsubscribeToken:
    """Say whom the token lets out, or raise TokenError."""
    payload = _read(UNSUBSCRIBE, token)
    if len(payload) == UUID_BYTES:
        return UnsubscribeToken(workspace_id=UUID(bytes=payload))
    return UnsubscribeToken(
        recipient_id=UUID(bytes=payload[:UUID_BYTES]),
        delivery_id=int.from_bytes(payload[UUID_BYTES:]),
    )


def read_delivery_token(token: str) -> int:
    """Return the delivery's id, or raise TokenError."""
    return int.from_bytes(_read(DELIVERY, token))


def trace_headers(raw: bytes) -> int | None:
    """Return the delivery whose letter these header fields belong to, or None.

    Reports come without a body and without the address (MSG-29): a token is enough.
    """
    for token in _tokens_in(raw):
        try:
            return read_delivery_token(token)
        except TokenError:
            continue
    try:
        return _delivery_of_link(raw)
    except TokenError:
        return None


def _tokens_in(raw: bytes) -> Iterator[str]:
    headers = BytesHeaderParser().parsebytes(raw)
    for name in _TRACED:
        for value in headers.get_all(name, []):
            local = str(value).strip(" \t\r\n<>").partition("@")[0]
            yield local


def _delivery_of_link(raw: bytes) -> int | None:
    """Look into List-Unsubscribe, which some reports keep while they redact ids."""
    headers = BytesHeaderParser().parsebytes(raw)
    for each in _TOKEN.findall(str(headers.get("List-Unsubscribe", "")).encode()):
        try:
            return read_unsubscribe_token(each.decode("ascii")).delivery_id or None
        except TokenError:
            continue
    return None


def _unsubscribe_start() -> str:
    return f"{settings.PUBLIC_URL}{UNSUBSCRIBE_PATH}"


def _mailto(mailbox: str, token: str) -> str:
    return f"mailto:{quote(mailbox, safe='@.+-_')}?subject=unsubscribe%20{token}"


def _read(purpose: str, token: str) -> bytes:
    """Read with today's secret, else with one of those before it."""
    today, *before = _signers(purpose)
    for signer in before:
        try:
            return signer.read(token)
        except TokenError:
            continue
    return today.read(token)


def _signers(purpose: str) -> tuple[TokenSigner, ...]:
    """Return today's signer first."""
    return _make_signers(
        purpose, settings.SECRET_KEY, tuple(settings.SECRET_KEY_FALLBACKS)
    )


@lru_cache(maxsize=16)
def _make_signers(
    purpose: str, secret: str, before: tuple[str, ...]
) -> tuple[TokenSigner, ...]:
    return tuple(
        TokenSigner(purpose=purpose, secret=each.encode()) for each in (secret, *before)
    )
