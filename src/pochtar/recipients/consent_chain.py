"""What a line of the consent ledger is sealed with (LAW-01).

1. Every column of the entry but its key, with the hash of the entry before it, is
   written as one JSON object: keys in order, no spaces, UTF-8.
2. The entry's hash is the SHA-256 of that text; the first entry's previous hash is "".
3. Those whom an entry for many is about are digested first: "row:hash" and a line feed
   for each, in the order of row and hash.  The digest is a column as any other.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any
from uuid import UUID

from pochtar.recipients.models import ConsentEntry

VERSION = 1
SEALED = (
    "workspace_id",
    "sequence",
    "at",
    "kind",
    "basis",
    "purpose",
    "channel",
    "source",
    "reference",
    "wording",
    "language",
    "ip",
    "user_agent",
    "recorded_by",
    "recipient_id",
    "address_hash",
    "number",
    "digest",
    "previous_hash",
)


def canonical_text(entry: ConsentEntry) -> str:
    """Return what the entry's hash is the SHA-256 of."""
    values = {name: _plain(getattr(entry, name)) for name in SEALED}
    if entry.ip:  # the database may spell an IPv6 address in its own way
        values["ip"] = str(ipaddress.ip_address(entry.ip))
    return json.dumps(
        {**values, "version": VERSION},
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )


def hash_of(entry: ConsentEntry) -> str:
    return sha256(canonical_text(entry).encode()).hexdigest()


class SubjectsDigest:
    """Digests (row, address hash) pairs, given in ascending order, as they come."""

    def __init__(self) -> None:
        self._sum = sha256()
        self.number = 0

    def add(self, row: int, address_hash: UUID | str) -> None:
        """Take one in; a hash as text is its 32 hexadecimal digits."""
        digits = address_hash if isinstance(address_hash, str) else address_hash.hex
        self._sum.update(b"%d:%s\n" % (row, digits.encode()))
        self.number += 1

    def hexdigest(self) -> str:
        return self._sum.hexdigest()


def digest_of(subjects: Iterable[tuple[int, UUID | str]]) -> str:
    """Return the digest of pairs in ascending order; sorting them is the caller's."""
    digest = SubjectsDigest()
    for row, address_hash in subjects:
        digest.add(row, address_hash)
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        utc = value.astimezone(dt.UTC)
        return utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.hex if isinstance(value, UUID) else value
