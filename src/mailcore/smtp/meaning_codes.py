"""What reply codes mean where the text says nothing known, and who speaks."""

from __future__ import annotations

import re

__all__ = ["CODES", "ENHANCED", "HOSTS", "MARKS"]

# Enhanced codes: "class.subject.detail", else "subject.detail" for both classes.
ENHANCED: dict[str, str] = {
    "1.1": "no_mailbox",
    "1.2": "bad_domain",
    "1.3": "bad_address",
    "1.4": "bad_address",
    "1.6": "moved",
    "1.7": "sender_refused",
    "1.8": "sender_domain_unknown",
    "1.10": "bad_domain",
    "5.2.1": "mailbox_disabled",
    "4.2.1": "temporary",
    "2.2": "mailbox_full",
    "2.3": "too_big",
    "2.4": "recipient_policy",
    "3.0": "server_busy",
    "3.1": "no_space",
    "3.2": "server_busy",
    "3.3": "protocol",
    "3.4": "too_big",
    "3.5": "server_busy",
    "4.1": "unreachable",
    "4.2": "unreachable",
    "4.3": "unreachable",
    "4.4.4": "unreachable",
    "5.4.4": "bad_domain",
    "4.5": "server_busy",
    "4.6": "mail_loop",
    "4.7": "unreachable",
    "5.1": "protocol",
    "5.2": "protocol",
    "5.3": "rate_limited",
    "5.4": "protocol",
    "5.5": "protocol",
    "6.0": "malformed",
    "6.1": "malformed",
    "6.2": "malformed",
    "6.3": "malformed",
    "6.5": "malformed",
    "6.7": "address_not_ascii",
    "6.9": "address_not_ascii",
    "7.0": "policy",
    "7.2": "recipient_policy",
    "7.4": "protocol",
    "7.8": "login_refused",
    "7.10": "tls_required",
    "7.11": "tls_required",
    "7.12": "login_refused",
    "7.13": "account_blocked",
    "7.17": "moved",
    "7.18": "bad_domain",
    "7.20": "dkim_failed",
    "7.21": "dkim_failed",
    "7.22": "dkim_failed",
    "7.23": "spf_failed",
    "7.24": "spf_failed",
    "7.25": "no_reverse_name",
    "7.26": "auth_missing",
    "7.27": "sender_domain_unknown",
    "7.28": "complaints",
    "7.29": "policy",
    "7.30": "tls_required",
}
# Basic codes that say it all by themselves.
CODES: dict[int, str] = {
    432: "login_refused",
    500: "protocol",
    501: "protocol",
    502: "protocol",
    503: "protocol",
    504: "protocol",
    521: "bad_domain",
    523: "too_big",
    530: "login_wanted",
    534: "login_refused",
    535: "login_refused",
    538: "tls_required",
    551: "moved",
    556: "bad_domain",
}
# Who speaks, by words that only they use …
MARKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("gmail", re.compile(r"\bgsmtp\b|\bgoogle\.com\b|\bgmail\b")),
    (
        "microsoft",
        re.compile(
            r"outlook\.com|office ?365|\bmicrosoft\b|\baka\.ms\b|hotmail|"
            r"storedrv|resolver\.|\bs(?:31[45]0|2017062302)\b|exchangelabs"
        ),
    ),
    ("yahoo", re.compile(r"\byahoo|\baol\.com|\[tss?[01][0-9]\]|\[bl2[0-9]\]")),
    ("yandex", re.compile(r"\byandex\.|\bya\.cc\b")),
    ("rambler", re.compile(r"\brambler\b")),
    ("mailru", re.compile(r"\b(?:help\.|postmaster\.|go\.)?mail\.ru\b")),
    ("icloud", re.compile(r"\bicloud\b|\bapple\.com\b|\[(?:cs|hm)[0-9]{2}\]")),
)
# … or by where it stands.
HOSTS: tuple[tuple[str, str], ...] = (
    ("google.com", "gmail"),
    ("gmail.com", "gmail"),
    ("googlemail.com", "gmail"),
    ("mail.ru", "mailru"),
    ("yandex.ru", "yandex"),
    ("yandex.net", "yandex"),
    ("yandex.com", "yandex"),
    ("outlook.com", "microsoft"),
    ("office365.com", "microsoft"),
    ("hotmail.com", "microsoft"),
    ("yahoodns.net", "yahoo"),
    ("yahoo.com", "yahoo"),
    ("aol.com", "yahoo"),
    ("rambler.ru", "rambler"),
    ("icloud.com", "icloud"),
    ("me.com", "icloud"),
)
