"""Which provider is behind a domain, and what its replies ask for (PRV-03)."""

from __future__ import annotations

import pytest

from mailcore.providers import (
    OTHERS,
    PROVIDERS,
    find_slowdown,
    provider_of_domain,
    provider_of_exchangers,
)


@pytest.mark.parametrize(
    ("domain", "key"),
    [
        ("gmail.com", "google"),
        ("GoogleMail.com", "google"),
        ("bk.ru", "mailru"),
        ("ya.ru", "yandex"),
        ("hotmail.com", "microsoft"),
        ("icloud.com", "apple"),
        ("rambler.ru", "rambler"),
        ("example.com", OTHERS),
        ("notgmail.com", OTHERS),
    ],
)
def test_a_well_known_domain_names_its_provider(domain: str, key: str) -> None:
    """PRV-03"""
    assert provider_of_domain(domain) == key


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("aspmx.l.google.com.", "google"),
        ("mx.yandex.net", "yandex"),
        ("emx.mail.ru", "mailru"),
        ("firma-ru.mail.protection.outlook.com", "microsoft"),
        ("mta5.am0.yahoodns.net", "yahoo"),
        ("mx.example.org", OTHERS),
        ("evilgoogle.com", OTHERS),
    ],
)
def test_a_mail_exchanger_names_the_provider(host: str, key: str) -> None:
    """PRV-03"""
    assert provider_of_exchangers([host]) == key


@pytest.mark.parametrize("key", PROVIDERS)
def test_every_provider_has_limits_to_start_with(key: str) -> None:
    provider = PROVIDERS[key]
    assert provider.connections >= 1
    assert provider.letters_per_connection >= 1


@pytest.mark.parametrize(
    ("code", "enhanced", "text", "expected"),
    [
        (
            421,
            "4.7.0",
            "[TSS04] Messages from 192.0.2.1 temporarily deferred",
            (1, 5400),
        ),
        (
            451,
            "4.7.650",
            "The mail server has been temporarily rate limited",
            (5, 3600),
        ),
        (421, "4.7.28", "Our system has detected an unusual rate", (5, 3600)),
        (421, "", "Service not available", (0, 0)),
        (450, "4.7.1", "try later", (0, 0)),
        (451, "4.7.1", "Too many messages, slow down", (10, 900)),
    ],
)
def test_a_reply_may_ask_for_less(
    code: int, enhanced: str, text: str, expected: tuple[int, int]
) -> None:
    """PRV-03, SMTP-14"""
    found = find_slowdown(code, enhanced, text)

    assert found
    assert (found.per_minute, found.seconds) == expected


@pytest.mark.parametrize(
    ("code", "enhanced", "text"),
    [
        (250, "", "ok"),
        (550, "5.7.1", "too many messages"),
        (450, "4.2.0", "greylisted, come back in 5 minutes"),
        (450, "4.7.1", "Greylisting in action"),
        (452, "4.2.2", "mailbox full"),
        (450, "4.1.1", "user unknown for now"),
        (421, "4.7.0", "Max messages per connection reached"),
        (421, "4.4.2", "Too many messages on this connection, closing"),
        (421, "", "Too many recipients in one session"),
        (451, "4.3.0", "local error"),
    ],
)
def test_one_letters_affair_slows_nobody_down(
    code: int, enhanced: str, text: str
) -> None:
    """SMTP-13, SMTP-18"""
    assert find_slowdown(code, enhanced, text) is None
