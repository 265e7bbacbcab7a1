from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from mailcore import dkim_keys
from mailcore.dkim import Algorithm
from mailcore.dkim_keys import (
    BadKey,
    RecordState,
    algorithm_of,
    bits_of,
    compare_record,
    generate_key,
    notes_on,
    open_key,
    pack_key,
    public_text,
    read_pem,
    record_text,
    split_text,
)

RSA, ED25519 = Algorithm.RSA, Algorithm.ED25519
KEY = generate_key(RSA)
PUBLIC = public_text(KEY)
RECORD = record_text(RSA, PUBLIC)


def pem(key, form=PrivateFormat.PKCS8, lock=NoEncryption()) -> str:  # noqa: B008
    octets: bytes = key.private_bytes(Encoding.PEM, form, lock)
    return octets.decode()


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_key_comes_back_as_it_went(algorithm: Algorithm):
    made = generate_key(algorithm)

    assert algorithm_of(made) == algorithm
    for again in (open_key(pack_key(made)), read_pem(pem(made))):
        assert public_text(again) == public_text(made)
    assert bits_of(made) == {RSA: 2048, ED25519: 256}[algorithm]


@pytest.mark.parametrize(
    "form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL]
)
def test_both_kinds_of_pem_are_read_with_words_around(form: PrivateFormat):
    """DKIM-01"""
    assert public_text(read_pem(f"my key:\n{pem(KEY, form)}\nend")) == PUBLIC


PEM = pem(KEY)
PUBLIC_PEM = (
    KEY.public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "no_pem"),
        ("MIIEvQ", "no_pem"),
        (PEM * 20, "no_pem"),
        (PEM.replace("-----END", "----END"), "no_pem"),
        (PUBLIC_PEM, "public"),
        (pem(KEY, lock=BestAvailableEncryption(b"x")), "encrypted"),
        (
            pem(KEY, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x")),
            "encrypted",
        ),
        (pem(ec.generate_private_key(ec.SECP256R1())), "kind"),
        (PEM[:200] + PEM[300:], "broken"),
    ],
)
def test_what_is_no_key_says_why(text: str, code: str):
    with pytest.raises(BadKey) as caught:
        read_pem(text)

    assert caught.value.code == code


def test_1024_bits_are_read():
    """DKIM-01"""
    assert bits_of(read_pem(pem(rsa.generate_private_key(65537, 1024)))) == 1024


@pytest.mark.parametrize(
    ("few", "many", "code"), [(4096, 8192, "short"), (1, 2, "long")]
)
def test_too_few_bits_and_too_many_are_refused(
    few: int, many: int, code: str, monkeypatch: pytest.MonkeyPatch
):
    """DKIM-01: the bounds are moved, a key of 8192 bits takes long to make."""
    monkeypatch.setattr(dkim_keys, "FEWEST_BITS", few)
    monkeypatch.setattr(dkim_keys, "MOST_BITS", many)

    with pytest.raises(BadKey) as caught:
        read_pem(PEM)

    assert caught.value.code == code


def test_the_record_fits_into_strings_that_dns_carries():
    """DKIM-01"""
    strings = split_text(RECORD)

    assert "".join(strings) == RECORD
    assert max(map(len, strings)) <= 255
    assert len(strings) == 2
    assert split_text(record_text(ED25519, "x" * 44)) == [
        "v=DKIM1; k=ed25519; p=" + "x" * 44
    ]


OTHER = record_text(RSA, public_text(generate_key(RSA)))


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ([RECORD], "matches"),
        ([f"p={PUBLIC}"], "matches"),
        ([f"v=DKIM1;k=rsa;n=a note;t=s;p={PUBLIC[:99]} {PUBLIC[99:]} ;"], "matches"),
        ([f"v=DKIM1; h=sha1:sha256; s=email; p={PUBLIC}"], "matches"),
        ([], "missing"),
        ([RECORD, OTHER], "several"),
        ([OTHER], "other_key"),
        ([record_text(ED25519, PUBLIC)], "other_key"),
        (["v=DKIM1; k=rsa; p="], "revoked"),
        (["hello"], "broken"),
        (["v=spf1 -all"], "broken"),
        ([f"v=DKIM1; p={PUBLIC}; p={PUBLIC}"], "broken"),
        ([f"v=DKIM2; p={PUBLIC}"], "broken"),
        ([f"p={PUBLIC}; v=DKIM1"], "broken"),
        ([f"v=DKIM1; h=sha1; p={PUBLIC}"], "broken"),
        ([f"v=DKIM1; s=tlsrpt; p={PUBLIC}"], "broken"),
        ([f'v=DKIM1; p="{PUBLIC}"'], "broken"),
        (["v=DKIM1; p=!!"], "broken"),
    ],
)
def test_a_record_is_compared_with_the_key(found: list[str], state: str):
    """DKIM-07"""
    got = compare_record(found, algorithm=RSA, public=PUBLIC)

    assert got == RecordState(state)


@given(found=st.lists(st.text(), min_size=1, max_size=1))
def test_no_record_of_strangers_is_taken_for_ours_or_stumbled_over(found: list[str]):
    assert compare_record(found, algorithm=RSA, public=PUBLIC) != "matches"


def short_record(bits: int) -> str:
    """Return the record of a key of so many bits; nobody makes such keys any more."""
    private = rsa.RSAPublicNumbers(e=65537, n=(1 << (bits - 1)) + 1)
    octets = private.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    return f"v=DKIM1; p={b64encode(octets).decode()}"


@pytest.mark.parametrize(
    ("found", "notes"),
    [
        ([RECORD], []),
        ([f"v=DKIM1; t=y; p={PUBLIC}"], ["testing"]),
        ([f"v=DKIM1; t=s; p={PUBLIC}"], ["strict"]),
        ([f"v=DKIM1; t= y : s; p={PUBLIC}"], ["testing", "strict"]),
        ([f"v=DKIM1; h=sha1; p={PUBLIC}"], ["no_sha256"]),
        ([f"v=DKIM1; s=tlsrpt; p={PUBLIC}"], ["not_for_mail"]),
        ([short_record(1023)], ["short"]),
        ([short_record(1024)], ["weak"]),
        ([short_record(2048)], []),
        ([record_text(ED25519, "x" * 43 + "=")], []),
        (["v=DKIM1; p="], []),
        (["hello"], []),
        ([RECORD, f"v=DKIM1; t=y; p={PUBLIC}"], []),
        ([], []),
    ],
)
def test_what_else_a_record_says_is_noted(found: list[str], notes: list[str]):
    """DKIM-01, DKIM-07"""
    assert notes_on(found) == notes


def test_an_ed25519_record_is_the_bare_key():
    made = ed25519.Ed25519PrivateKey.generate()
    record = record_text(ED25519, public_text(made))

    assert len(public_text(made)) == 44
    assert (
        compare_record([record], algorithm=ED25519, public=public_text(made))
        == "matches"
    )
