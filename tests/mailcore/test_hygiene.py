"""Odd addresses are recognised by cheap tables (issue 4, 7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.hygiene import is_disposable, is_role, suggest_domain
from mailcore.known_domains import (
    CONFUSED,
    DISPOSABLE,
    ENDINGS,
    MISTYPED,
    POPULAR,
    ROLES,
)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("mail.tu", "mail.ru"),
        ("yandx.ru", "yandex.ru"),
        ("gmail.con", "gmail.com"),
        ("gmial.con", "gmail.com"),
        ("gmail.ru", "gmail.com"),
        ("yandex.co", "yandex.com"),
        ("ynadex.ru", "yandex.ru"),
        ("yanddex.ru", "yandex.ru"),
        ("ramber.ru", "rambler.ru"),
        ("hotnail.com", "hotmail.com"),
        ("outlok.com", "outlook.com"),
        ("maill.ru", "mail.ru"),
        ("bk.tu", "bk.ru"),
        ("mail.ru.ru", "mail.ru"),
        ("m\u0430il.ru", "mail.ru"),  # a Cyrillic "а"
        ("gm\u0430il.com".encode("idna").decode(), "gmail.com"),
        ("gmàil.com", "gmail.com"),
        ("ьфшд.кг", "mail.ru"),
    ],
)
def test_a_mistyped_domain_gets_a_suggestion(typed, meant):
    assert suggest_domain(typed) == meant


@pytest.mark.parametrize(
    "domain",
    [
        "example.com", "mall.ru", "mai.ru", "email.ru", "index.ru", "mail.com", "ya.ru",
        "почта.рф", "xn--80a1acny.xn--p1ai", "company.co", "", "localhost", "ru", "x" * 300,
        "xn--\u0430.com", "xn--zzzzzz-.ru",
    ],
)  # fmt: skip
def test_other_domains_get_none(domain):
    assert suggest_domain(domain) == ""


def test_no_popular_domain_is_ever_taken_for_a_slip():
    assert not any(map(suggest_domain, POPULAR))
    assert not POPULAR & CONFUSED.keys()
    assert POPULAR.issuperset(MISTYPED | set(CONFUSED.values()))
    assert not any(is_disposable(domain) for domain in POPULAR)


@given(domain=st.sampled_from(sorted(MISTYPED)), data=st.data())
def test_every_single_slip_is_noticed(domain, data):
    place = data.draw(st.integers(0, len(domain) - 1))
    letter = data.draw(st.sampled_from("abcxyz"))
    head, tail = domain[:place], domain[place:]
    slips = [
        head + letter + tail,
        head + tail[1:],
        head + letter + tail[1:],
        head + tail[1::-1] + tail[2:],
    ]

    for slip in slips:
        assert slip in POPULAR or suggest_domain(slip) in POPULAR


@given(st.text(max_size=30))
def test_any_text_may_be_asked_about(text):
    assert suggest_domain(text) in POPULAR | {""}
    assert is_role(text) in (True, False)
    assert is_disposable(text) in (True, False)


@pytest.mark.parametrize(
    "local",
    ["info", "INFO", "sales", "no-reply", "noreply", "admin", "abuse", "postmaster",
     "info2", "sales-01", "info+ads", "бухгалтерия", "Продажи"],
)  # fmt: skip
def test_an_office_is_told_from_a_person(local):
    assert is_role(local)


@pytest.mark.parametrize(
    "local", ["anna", "anna.info", "information.anna", "r2d2", "1", "+"]
)
def test_a_person_is_told_from_an_office(local):
    assert not is_role(local)


def test_a_disposable_domain_is_known_with_those_below_it():
    assert is_disposable("mailinator.com")
    assert is_disposable("some.inbox.mailinator.com")
    assert not is_disposable("notmailinator2.com")
    assert not is_disposable("com")


def test_the_tables_are_lower_case():
    for table in (POPULAR, MISTYPED, DISPOSABLE, ROLES, set(CONFUSED), set(ENDINGS)):
        assert all(word == word.lower().strip() for word in table)
