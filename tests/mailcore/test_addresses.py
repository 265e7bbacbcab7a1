from __future__ import annotations

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from mailcore.addresses import (
    AddressError,
    address_key,
    is_usual_address,
    parse_address,
)

ORDINARY = st.from_regex(
    r"[A-Za-z0-9_+-]{1,12}(\.[A-Za-z0-9_+-]{1,8})?"
    r"@([a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?\.){1,2}[a-z]{2,8}",
    fullmatch=True,
)


def test_an_ordinary_address_is_its_own_envelope():
    address = parse_address("  Ivan.Petrov+News@example.ru ")

    assert address.display == "Ivan.Petrov+News@example.ru"
    assert address.envelope == "Ivan.Petrov+News@example.ru"
    assert address.key == "ivan.petrov+news@example.ru"
    assert address.domain == "example.ru"
    assert not address.smtputf8


def test_a_cyrillic_domain_goes_to_the_wire_as_a_labels():
    """MSG-12, MSG-13: shown as typed, sent and compared in ASCII."""
    address = parse_address("Ivan@Почта.рф")

    assert address.display == "Ivan@Почта.рф"
    assert address.envelope == "Ivan@xn--80a1acny.xn--p1ai"
    assert address.key == "ivan@xn--80a1acny.xn--p1ai"
    assert address.key == parse_address("ivan@XN--80A1ACNY.xn--p1ai").key


def test_a_cyrillic_local_part_needs_smtputf8():
    """MSG-12"""
    address = parse_address("Иван@почта.рф")

    assert address.smtputf8
    assert address.envelope == "Иван@xn--80a1acny.xn--p1ai"
    assert address.key == "иван@xn--80a1acny.xn--p1ai"


def test_two_spellings_of_one_letter_make_one_key():
    """MSG-13: NFC."""
    composed, decomposed = "й@example.ru", "и\u0306@example.ru"

    assert parse_address(composed).key == parse_address(decomposed).key


def test_a_domain_of_the_company_itself_is_taken():
    assert parse_address("a@mail.local").domain == "mail.local"
    assert parse_address("a@relay.test").domain == "relay.test"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("ivan", "syntax"),
        ("@example.ru", "syntax"),
        ("ivan@", "domain"),
        ("ivan@localhost", "domain"),
        ("ivan@intranet", "domain"),
        ("ivan@-bad-.ru", "domain"),
        ("ivan@exa_mple.ru", "domain"),
        ("ivan@[127.0.0.1]", "domain"),
        ("ivan petrov@example.ru", "syntax"),
        ("ivan..petrov@example.ru", "syntax"),
        (".ivan@example.ru", "syntax"),
        ('"ivan petrov"@example.ru', "syntax"),
        ("Ivan <ivan@example.ru>", "domain"),
        ("ivan@example.ru, petr@example.ru", "syntax"),
        ("ivan\r\nBcc: x@example.ru", "control"),
        ("ivan@example.ru\0x", "control"),
        ("ivan\u2028@example.ru", "control"),
        ("ivan\ud800@example.ru", "control"),
        ("a" * 65 + "@example.ru", "too_long"),
        ("a@" + "b." * 130 + "ru", "too_long"),
    ],
)
def test_what_is_no_address_is_refused_with_a_reason(text, code):
    with pytest.raises(AddressError) as caught:
        parse_address(text)

    assert caught.value.code == code


def test_an_address_that_grows_too_long_as_a_labels_is_refused():
    with pytest.raises(AddressError) as caught:
        parse_address(f"{'a' * 64}@{'ü.' * 25}de")

    assert caught.value.code == "too_long"


@given(ORDINARY)
def test_the_short_way_agrees_with_the_strict_checker(text):
    try:
        expected = validate_email(
            text, check_deliverability=False, globally_deliverable=False
        )
    except EmailNotValidError:
        with pytest.raises(AddressError):
            parse_address(text)
    else:
        assert parse_address(text).envelope == expected.ascii_email


@given(ORDINARY | st.from_regex(r"[a.+-]{1,70}@[a1.-]{1,70}", fullmatch=True))
def test_what_is_taken_for_an_address_at_a_glance_is_its_own_wire_form(text):
    if is_usual_address(text):
        address = parse_address(text)
        assert (address.envelope, address.smtputf8) == (text, False)


def test_most_addresses_are_known_at_a_glance():
    assert is_usual_address("Ivan.Petrov+News@mail.big-shop.ru")
    for text in ("a@b", "a@b.ru\n", " a@b.ru", "a@B.ru", "a@b..ru", "a@b--c.ru"):
        assert not is_usual_address(text)
    assert not is_usual_address("ivan@почта.рф")


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_an_address_error(text):
    try:
        address = parse_address(text)
    except AddressError:
        return
    assert parse_address(address.display) == address
    assert parse_address(address.envelope).key == address.key


MESSY = st.builds(
    "{}@{}.{}".format,
    st.text("aZ9_+-.йİK\u212a ", min_size=1, max_size=70),
    st.text("aZ9-.йK\u212a", min_size=1, max_size=70),
    st.text("aZ9-.рK\u212a", min_size=1, max_size=26),
)


@given(ORDINARY | MESSY | st.text(max_size=20))
def test_the_cheap_key_is_the_key_or_nothing(text):
    """MSG-13: what the fast way of an import finds, `parse_address` would find."""
    key = address_key(text)

    assert not key or key == parse_address(text).key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Ivan.Petrov+News@example.ru", "ivan.petrov+news@example.ru"),
        ("IVAN@MAIL.RU", "ivan@mail.ru"),
        ("a@sub.some-company.com", "a@sub.some-company.com"),
        ("\u212aelvin@mail.ru", ""),  # KELVIN SIGN, whose small letter is "k"
        ("a@xn--80a1acny.xn--p1ai", ""),
        ("a@mail", ""),
        ("a b@mail.ru", ""),
        (" a@mail.ru", ""),
        (f"{'a' * 60}@mail.ru", ""),
    ],
)
def test_a_usual_address_has_a_cheap_key(text, key):
    assert address_key(text) == key
