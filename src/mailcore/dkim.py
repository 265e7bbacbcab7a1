"""Sign a letter with DKIM (RFC 6376, RFC 8463): relaxed/relaxed, oversigned.

1. The body is hashed once for all keys.  What our composer writes is its own canonical
   form already; a few searches see that, and then the hash is one pass of SHA-256.
2. Of each header field of the list every occurrence is signed, and one more that is not
   there: nobody can add a second From or Subject (RFC 6376 section 8.15).
3. Every key signs, one after the other.  RSA stands uppermost, where servers that read
   only the first signature find it; Ed25519 never stands alone.

Signing releases the GIL: it is meant to be called in threads.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

__all__ = ["SIGNED_HEADERS", "Algorithm", "Signer", "SigningKey", "canonical_body"]

# RFC 6376 section 5.4.1, RFC 8058 section 4, and what providers want signed.
SIGNED_HEADERS = (
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-help",
    "feedback-id",
    "precedence",
    "x-mailru-msgtype",
)
LINE = 76
KNOWN_SHAPES = 64  # of header blocks; a mailing has one
END_OF_HEADERS = b"\r\n\r\n"

_TRAILING = re.compile(rb"[ \t]+\r\n")
_BLANKS = re.compile(rb"[ \t]+")
_PADDING, _SHA256 = PKCS1v15(), SHA256()


class Algorithm(StrEnum):
    """The values of ``a=``. There is no rsa-sha1 (RFC 8301 section 3.1)."""

    RSA = "rsa-sha256"
    ED25519 = "ed25519-sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """Who signs: ``selector._domainkey.domain`` is where the public key stands."""

    domain: str  # A-labels
    selector: str
    algorithm: Algorithm
    private_key: RSAPrivateKey | Ed25519PrivateKey

    def sign(self, octets: bytes) -> bytes:
        if isinstance(self.private_key, RSAPrivateKey):
            return self.private_key.sign(octets, _PADDING, _SHA256)
        # RFC 8463 section 3: what Ed25519 signs is the hash.
        return self.private_key.sign(sha256(octets).digest())


@dataclass(frozen=True, slots=True)
class _Shape:
    """What header blocks with the same fields in the same order have in common."""

    order: tuple[int, ...]  # the fields to sign, by their place in the block
    names: bytes  # the value of h=, folded


class Signer:
    """Puts a signature of each key on top of a letter. Raises ValueError without RSA."""

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        # Sorting is stable: the client's own domain stays before the service's.
        self.keys = tuple(sorted(keys, key=lambda key: key.algorithm != Algorithm.RSA))
        if not self.keys or self.keys[0].algorithm != Algorithm.RSA:
            raise ValueError("A signer needs an RSA key.")
        self._starts = tuple(map(_start, self.keys))
        self._shapes: dict[tuple[bytes, ...], _Shape] = {}

    def sign(self, data: bytes, *, at: int, ours: bool = False) -> bytes:
        """Return the letter (wire form, CRLF) with its signatures; ``at`` becomes t=.

        ``ours`` says that our composer wrote it: nobody looks for blanks in its body that
        relaxing would change (transfer.py), which takes as long as hashing it.
        """
        end = data.find(END_OF_HEADERS)
        if end < 0:
            raise ValueError("The letter has no end of its header block.")
        body = _relaxed_body(data, end + 4, single_blanks=ours)
        hashed = b64encode(sha256(body).digest())
        lines = _relaxed_headers(data[:end]).split(b"\r\n")
        fields = [line.partition(b":") for line in lines]
        names = tuple([name.rstrip(b" ").lower() for name, _, _ in fields])
        shape = self._shapes.get(names) or self._learn(names)
        signed = b"".join(
            [
                names[at] + b":" + fields[at][2].strip(b" ") + b"\r\n"
                for at in shape.order
            ]
        )
        tail = b"%d;\r\n h=%b;\r\n bh=%b;\r\n b=" % (at, shape.names, hashed)
        out = []
        for key, start in zip(self.keys, self._starts, strict=True):
            head = start + tail
            signature = key.sign(signed + _canonical_field(head))
            out += [head, _folded(b64encode(signature)), b"\r\n"]
        return b"".join([*out, data])

    def _learn(self, names: tuple[bytes, ...]) -> _Shape:
        order: list[int] = []
        listed: list[str] = []
        for name in SIGNED_HEADERS:
            found = [at for at, each in enumerate(names) if each == name.encode()]
            order += reversed(found)  # from the bottom up: section 5.4.2
            listed += [name] * (len(found) + 1)
        shape = _Shape(tuple(order), _fold_names(listed))
        if len(self._shapes) < KNOWN_SHAPES:
            self._shapes[names] = shape
        return shape


def _relaxed_headers(block: bytes) -> bytes:
    """Unfold, and leave one blank where there are several (section 3.4.2)."""
    block = block.replace(b"\r\n ", b" ").replace(b"\r\n\t", b"\t")
    if b"  " in block or b"\t" in block:
        return _BLANKS.sub(b" ", block)
    return block


def canonical_body(body: bytes) -> bytes:
    """Return the relaxed canonical form (RFC 6376 section 3.4.4)."""
    body = _TRAILING.sub(b"\r\n", body + b"\r\n")
    body = _BLANKS.sub(b" ", body)
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return body[:end] + b"\r\n" if end else b""


def _relaxed_body(
    data: bytes, start: int, *, single_blanks: bool
) -> bytes | memoryview:
    if _ends_well(data, start) and (single_blanks or _has_single_blanks(data, start)):
        return memoryview(data)[start:]
    return canonical_body(data[start:])


def _ends_well(data: bytes, start: int) -> bool:
    return (
        len(data) > start + 2
        and data.endswith(b"\r\n")
        and not data.endswith(b"\r\n\r\n")
    )


def _has_single_blanks(data: bytes, start: int) -> bool:
    """Whether relaxing would leave all blanks; never wrongly says yes."""
    return (
        data.find(b"\t", start) < 0
        and data.find(b" \r\n", start) < 0
        and data.find(b"  ", start) < 0
    )


def _start(key: SigningKey) -> bytes:
    return (
        f"DKIM-Signature: v=1; a={key.algorithm}; c=relaxed/relaxed;"
        f"\r\n d={key.domain};\r\n s={key.selector}; t="
    ).encode("ascii")


def _canonical_field(head: bytes) -> bytes:
    """Our own field, with an empty b=, ends the signed octets without CRLF (3.7)."""
    return b"dkim-signature:" + head[16:].replace(b"\r\n ", b" ")


def _fold_names(names: Sequence[str]) -> bytes:
    lines, current = [], "h="
    for index, name in enumerate(names):
        token = name if index == len(names) - 1 else name + ":"
        if len(current) + len(token) >= LINE:
            lines.append(current)
            current = ""
        current += token
    return "\r\n ".join([*lines, current]).removeprefix("h=").encode("ascii")


def _folded(text: bytes) -> bytes:
    return b"\r\n ".join(
        [text[at : at + LINE - 1] for at in range(0, len(text), LINE - 1)]
    )
