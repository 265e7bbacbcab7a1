"""Our signatures, checked by the verifier that mail servers use (DKIM-08).

opendkim looks at a letter in a file, with the public key from a file: nobody is asked
over the network.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mailcore.dkim import Algorithm, Signer, SigningKey
from mailcore.dkim_keys import generate_key, public_text, record_text
from tests.mailcore.test_dkim import AT, SHAPES, letter
from tests.mailcore.test_golden import GOLDEN

OPENDKIM = shutil.which("opendkim") or "/usr/sbin/opendkim"
VERDICT = re.compile(r"\bdkim=(\w+)(?: reason=\"([^\"]*)\")? \(2048-bit key\)")

pytestmark = pytest.mark.skipif(
    not Path(OPENDKIM).exists(), reason="opendkim: not installed here"
)


@pytest.fixture(scope="module")
def private_key() -> SigningKey:
    return SigningKey(
        domain="shop.example",
        selector="s1",
        algorithm=Algorithm.RSA,
        private_key=generate_key(Algorithm.RSA),
    )


def sign(raw: bytes, key: SigningKey) -> bytes:
    return Signer((key,)).sign(raw, at=AT)


def verdict(data: bytes, key: SigningKey, folder: Path) -> tuple[str, str]:
    """Return what opendkim says of the letter, and why."""
    record = record_text(key.algorithm, public_text(key.private_key))
    keys, settings, file = (folder / name for name in ("keys", "settings", "letter"))
    keys.write_text(f"{key.selector}._domainkey.{key.domain} {record}\n")
    settings.write_text(f"Mode v\nTestPublicKeys {keys}\n")
    file.write_bytes(data)
    said = subprocess.run(
        [OPENDKIM, "-x", settings, "-t", file, "-vvv"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout
    found = VERDICT.search(said)
    return (found[1], found[2] or "") if found else ("", said)


@pytest.mark.parametrize("shape", SHAPES)
def test_letters_of_the_composer_pass(
    shape: str, private_key: SigningKey, tmp_path: Path
) -> None:
    """DKIM-08: plain, quoted-printable and base64, in Latin and in Cyrillic."""
    signed = sign(letter(SHAPES[shape]), private_key)

    assert verdict(signed, private_key, tmp_path) == ("pass", "")


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.glob("*.eml")))
def test_golden_letters_pass(
    name: str, private_key: SigningKey, tmp_path: Path
) -> None:
    """DKIM-08"""
    signed = sign((GOLDEN / name).read_bytes(), private_key)

    assert verdict(signed, private_key, tmp_path) == ("pass", "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: ", b"Subject: x"),
        (b"\r\n\r\n", b"\r\nReply-To: x@evil.example\r\n\r\n"),
        (b"<1@shop.example>", b"<2@shop.example>"),
        (b"\r\n\r\n", b"\r\n\r\nmore\r\n"),
    ],
)
def test_an_altered_letter_fails(
    old: bytes, new: bytes, private_key: SigningKey, tmp_path: Path
) -> None:
    """DKIM-04, DKIM-08"""
    signed = sign(letter(), private_key)
    assert old in signed
    altered = signed.replace(old, new, 1)

    assert verdict(altered, private_key, tmp_path) == (
        "fail",
        "signature verification failed",
    )


def test_a_letter_of_another_key_fails(private_key: SigningKey, tmp_path: Path) -> None:
    other = SigningKey(
        domain=private_key.domain,
        selector=private_key.selector,
        algorithm=Algorithm.RSA,
        private_key=generate_key(Algorithm.RSA),
    )

    assert verdict(sign(letter(), other), private_key, tmp_path)[0] == "fail"
