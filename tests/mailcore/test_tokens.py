from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.tokens import TokenError, TokenSigner

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SIGNER = TokenSigner(purpose="unsubscribe", secret=b"s" * 32)


def refused(token: str, signer: TokenSigner = SIGNER, now: datetime = NOW) -> str:
    with pytest.raises(TokenError) as caught:
        signer.read(token, now=now)
    return caught.value.code


@given(st.binary(max_size=64))
def test_what_was_signed_can_be_read(payload):
    assert SIGNER.read(SIGNER.sign(payload)) == payload


@given(st.binary(max_size=200))
def test_a_token_is_what_its_description_says(payload):
    """MSG-24: the tokens of letters that were sent long ago must be read for ever."""
    key = blake2b(b"unsubscribe", key=b"s" * 32, digest_size=32).digest()
    body = b"\x01" + payload
    tag = blake2b(body, key=key, digest_size=16).digest()

    expected = urlsafe_b64encode(body + tag).rstrip(b"=")
    assert SIGNER.sign_lasting(payload) == expected == SIGNER.sign(payload).encode()


def test_a_token_fits_into_a_url():
    token = SIGNER.sign(bytes(range(256)))

    assert token.replace("-", "").replace("_", "").isalnum()


def test_a_token_of_another_purpose_says_nothing():
    other = TokenSigner(purpose="open", secret=SIGNER.secret)

    assert refused(other.sign(b"1")) == "forged"


def test_a_token_of_another_secret_says_nothing():
    other = TokenSigner(purpose="unsubscribe", secret=b"t" * 100)

    assert other.read(other.sign(b"1")) == b"1"
    assert refused(other.sign(b"1")) == "forged"


def test_no_bit_of_a_token_can_be_changed():
    raw = urlsafe_b64decode(SIGNER.sign(b"person 17", expires_at=NOW) + "==")

    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        token = urlsafe_b64encode(changed).rstrip(b"=").decode()
        assert refused(token) == "forged"


@pytest.mark.parametrize(
    "token", ["", "a", "ёж", "!!!!", "abcd", "A" * 3000, "a=b=", "AAAA\nAAAA" * 5]
)
def test_nonsense_is_malformed(token):
    assert refused(token) == "malformed"


def test_a_token_has_one_spelling():
    token = SIGNER.sign(b"12")  # 19 bytes: two bits of the last letter mean nothing
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    twins = (token[:-1] + letter for letter in letters if letter != token[-1])
    raw = urlsafe_b64decode(token + "==")
    twin = next(each for each in twins if urlsafe_b64decode(each + "==") == raw)

    assert refused(twin) == "malformed"
    assert refused(token + "=") == "malformed"


def test_a_token_expires():
    token = SIGNER.sign(b"x", expires_at=NOW + timedelta(hours=1))

    assert SIGNER.read(token, now=NOW) == b"x"
    assert refused(token, now=NOW + timedelta(hours=1)) == "expired"
    with pytest.raises(TokenError, match="expired"):
        SIGNER.read(token)


def test_a_time_without_a_zone_is_a_mistake():
    with pytest.raises(ValueError, match="zone"):
        SIGNER.sign(b"x", expires_at=datetime(2026, 5, 1))  # noqa: DTZ001


@pytest.mark.parametrize(("purpose", "secret"), [("", b"s" * 32), ("a", b"short")])
def test_a_signer_needs_a_purpose_and_a_secret(purpose, secret):
    with pytest.raises(ValueError, match="purpose"):
        TokenSigner(purpose=purpose, secret=secret)


def test_the_secret_is_not_shown():
    assert "sss" not in repr(SIGNER)
