"""Secrets at rest: AES-256-GCM under ENCRYPTION_KEY, bound to their row (SEC-23).

A stored value is ``v1:`` + base64url(nonce | ciphertext | tag).  The place
(``table|row id|column``) is authenticated with it, so that a ciphertext copied into
another row does not open there.
"""

from __future__ import annotations

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

VERSION = "v1:"
NONCE_BYTES = 12


class SecretError(Exception):
    """A stored secret does not open: another key, another row, or a damaged value."""


def _cipher() -> AESGCM:
    key = base64.urlsafe_b64decode(settings.ENCRYPTION_KEY)
    return AESGCM(key)


def seal(plain: str, *, place: str) -> str:
    """Encrypt ``plain`` for the row and column that ``place`` names."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = _cipher().encrypt(nonce, plain.encode(), place.encode())
    return VERSION + base64.urlsafe_b64encode(nonce + sealed).decode()


def unseal(stored: str, *, place: str) -> str:
    """Decrypt what ``seal`` made for the same place; raise SecretError otherwise."""
    if not stored.startswith(VERSION):
        raise SecretError(place)
    try:
        raw = base64.urlsafe_b64decode(stored.removeprefix(VERSION))
        plain = _cipher().decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError) as error:
        raise SecretError(place) from error
    return plain.decode()
