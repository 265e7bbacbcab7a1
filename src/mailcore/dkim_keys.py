"""The keys of DKIM: make, read, write down; and the DNS record that shows the public one.

1. Private keys come as PEM from outside, and are kept as base64 of PKCS #8.
2. The record is one TXT value; DNS carries it in strings of up to 255 octets, which some
   panels want one by one.
3. What DNS answers is compared with the key: only ``p=`` and what would make receivers
   not use it (RFC 6376 section 3.6.1).  What else it says is noted.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from enum import StrEnum

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
)

from mailcore.dkim import Algorithm

__all__ = [
    "BadKey",
    "PrivateKey",
    "RecordNote",
    "RecordState",
    "algorithm_of",
    "bits_of",
    "compare_record",
    "generate_key",
    "notes_on",
    "open_key",
    "pack_key",
    "public_text",
    "read_pem",
    "record_text",
    "split_text",
]

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

RSA_BITS = 2048
FEWEST_BITS, MOST_BITS = 1024, 4096  # RFC 8301 section 3.2
STRING_OCTETS = 255
LONGEST_PEM = 16_384

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_KINDS = {Algorithm.RSA: "rsa", Algorithm.ED25519: "ed25519"}


class BadKey(ValueError):
    """The text holds no key for DKIM; ``code`` says why.

    Codes: ``no_pem``, ``public``, ``encrypted``, ``kind``, ``short``, ``long``,
    ``broken``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class RecordState(StrEnum):
    """What DNS shows for a selector."""

    MATCHES = "matches"
    MISSING = "missing"
    SEVERAL = "several"
    BROKEN = "broken"
    REVOKED = "revoked"  # an empty p=
    OTHER_KEY = "other_key"


class RecordNote(StrEnum):
    """What else a record says, whether its key is ours or not (section 3.6.1)."""

    TESTING = "testing"  # t=y: treat letters as if they were not signed
    STRICT = "strict"  # t=s: no subdomain in i=
    SHORT = "short"  # receivers must not use such a key (RFC 8301 section 3.2)
    WEAK = "weak"
    NO_SHA256 = "no_sha256"
    NOT_FOR_MAIL = "not_for_mail"


def generate_key(algorithm: Algorithm) -> PrivateKey:
    if algorithm == Algorithm.ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def read_pem(text: str) -> PrivateKey:
    """Return the private key in a PEM text. Raises BadKey."""
    match = _PEM.search(text) if len(text) <= LONGEST_PEM else None
    if not match:
        raise BadKey("no_pem")
    if "PRIVATE KEY" not in match[1]:
        raise BadKey("public")
    if "ENCRYPTED" in match[0]:
        raise BadKey("encrypted")
    try:
        key = load_pem_private_key(match[0].encode("ascii"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey("broken") from error
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if not isinstance(key, rsa.RSAPrivateKey):
        raise BadKey("kind")
    if not FEWEST_BITS <= key.key_size <= MOST_BITS:
        raise BadKey("short" if key.key_size < FEWEST_BITS else "long")
    return key


def pack_key(key: PrivateKey) -> str:
    """Return the private key as text, to be sealed."""
    octets = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return b64encode(octets).decode("ascii")


def open_key(packed: str) -> PrivateKey:
    """Return the key that `pack_key` wrote down; it was checked when it came in."""
    octets = b64decode(packed)
    key = load_der_private_key(octets, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, PrivateKey)
    return key


def algorithm_of(key: PrivateKey) -> Algorithm:
    return Algorithm.RSA if isinstance(key, rsa.RSAPrivateKey) else Algorithm.ED25519


def bits_of(key: PrivateKey) -> int:
    return key.key_size if isinstance(key, rsa.RSAPrivateKey) else 256


def public_text(key: PrivateKey) -> str:
    """Return the value of ``p=``: DER for RSA, the bare 32 octets for Ed25519."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        octets = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return b64encode(octets).decode("ascii")


def record_text(algorithm: Algorithm, public: str) -> str:
    """Return the TXT value to publish at ``selector._domainkey.domain``."""
    return f"v=DKIM1; k={_KINDS[algorithm]}; p={public}"


def split_text(value: str) -> list[str]:
    """Cut a TXT value into strings of at most 255 octets (RFC 6376 section 3.6.2.2)."""
    return [
        value[at : at + STRING_OCTETS] for at in range(0, len(value), STRING_OCTETS)
    ]


def compare_record(
    found: Sequence[str], *, algorithm: Algorithm, public: str
) -> RecordState:
    """Say whether the TXT values at the selector show this key, and this key only."""
    if not found:
        return RecordState.MISSING
    if len(found) > 1:
        return RecordState.SEVERAL
    tags = _tags(found[0])
    if tags is None or not _may_be_used(tags):
        return RecordState.BROKEN
    if not tags["p"]:
        return RecordState.REVOKED
    same_kind = tags.get("k", "rsa") == _KINDS[algorithm]
    if same_kind and _octets(tags["p"]) == _octets(public):
        return RecordState.MATCHES
    return RecordState.OTHER_KEY if _octets(tags["p"]) else RecordState.BROKEN


def notes_on(found: Sequence[str]) -> list[RecordNote]:
    """Return what a person should know of the one record that DNS shows."""
    tags = _tags(found[0]) if len(found) == 1 else None
    if not tags:
        return []
    flags = set(tags.get("t", "").split(":"))
    bits = _rsa_bits(tags)
    said = {
        RecordNote.TESTING: "y" in flags,
        RecordNote.STRICT: "s" in flags,
        RecordNote.SHORT: 0 < bits < FEWEST_BITS,
        RecordNote.WEAK: FEWEST_BITS <= bits < RSA_BITS,
        RecordNote.NO_SHA256: not _has_sha256(tags),
        RecordNote.NOT_FOR_MAIL: not _is_for_mail(tags),
    }
    return [note for note, holds in said.items() if holds]


def _rsa_bits(tags: dict[str, str]) -> int:
    """Return the size of the record's RSA key; 0 if it has none that can be read."""
    try:
        key = load_der_public_key(_octets(tags.get("p", "")))
    except (ValueError, UnsupportedAlgorithm):
        return 0
    return key.key_size if isinstance(key, rsa.RSAPublicKey) else 0


def _tags(record: str) -> dict[str, str] | None:
    """Read a tag list (RFC 6376 section 3.2); None if it is none."""
    tags: dict[str, str] = {}
    for part in record.strip().removesuffix(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals or name.strip() in tags:
            return None
        tags[name.strip()] = "".join(value.split())
    return tags


def _may_be_used(tags: dict[str, str]) -> bool:
    """Whether receivers would take the record for a key of ours (section 3.6.1)."""
    version_first = "v" not in tags or next(iter(tags)) == "v"
    return (
        "p" in tags
        and version_first
        and tags.get("v", "DKIM1") == "DKIM1"
        and _has_sha256(tags)
        and _is_for_mail(tags)
    )


def _has_sha256(tags: dict[str, str]) -> bool:
    return "sha256" in tags.get("h", "sha256").split(":")


def _is_for_mail(tags: dict[str, str]) -> bool:
    return bool({"*", "email"} & set(tags.get("s", "*").split(":")))


def _octets(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
