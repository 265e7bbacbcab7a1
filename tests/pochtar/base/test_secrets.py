"""SEC-23: a stored secret opens with its key, in its own place, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pochtar.base.secrets import SecretError, seal, unseal

PLACE = "delivery_relay|1|password"


@given(st.text())
def test_whatever_is_sealed_comes_back(plain: str) -> None:
    try:
        plain.encode()
    except UnicodeEncodeError:
        return  # a lone surrogate is no text

    assert unseal(seal(plain, place=PLACE), place=PLACE) == plain


def test_the_stored_value_does_not_show_the_secret_and_differs_every_time() -> None:
    first, second = (seal("hunter2hunter2", place=PLACE) for _ in range(2))

    assert "hunter2" not in first
    assert first != second


def test_a_secret_copied_into_another_row_does_not_open() -> None:
    stored = seal("secret", place=PLACE)

    with pytest.raises(SecretError):
        unseal(stored, place="delivery_relay|2|password")


def test_another_key_does_not_open_it(settings) -> None:
    stored = seal("secret", place=PLACE)
    settings.ENCRYPTION_KEY = "YW5vdGhlci1rZXktb2YtMzItYnl0ZXMtMTIzNDU2Nzg="

    with pytest.raises(SecretError):
        unseal(stored, place=PLACE)


@pytest.mark.parametrize("stored", ["", "secret", "v1:", "v1:AAAA", "v2:AAAA", "v1:я"])
def test_what_is_not_sealed_is_refused_without_a_traceback(stored: str) -> None:
    with pytest.raises(SecretError):
        unseal(stored, place=PLACE)


def test_a_changed_byte_is_noticed() -> None:
    stored = seal("secret", place=PLACE)
    changed = stored[:20] + ("A" if stored[20] != "A" else "B") + stored[21:]

    with pytest.raises(SecretError):
        unseal(changed, place=PLACE)
