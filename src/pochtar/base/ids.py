"""UUIDv7 (RFC 9562 §5.7): opaque in a URL, ascending in an index."""

from __future__ import annotations

import secrets
import time
import uuid

_MILLISECOND = 1_000_000  # in nanoseconds


def uuid7() -> uuid.UUID:
    """Return a new id: Unix milliseconds, 12 bits of their fraction, 62 random bits.

    The fraction (RFC 9562 §6.2, method 3) keeps rows made one after the other in that
    order, which is the order that pages show them in.
    """
    milliseconds, rest = divmod(time.time_ns(), _MILLISECOND)
    value = (milliseconds & (2**48 - 1)) << 80
    value |= 0x7 << 76  # version
    value |= (rest << 12) // _MILLISECOND << 64
    value |= 0x2 << 62  # variant
    return uuid.UUID(int=value | secrets.randbits(62))
