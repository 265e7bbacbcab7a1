"""What a server's reply means (SMTP-16, SMTP-17): text first, then the codes.

1. By the text: patterns of the big mail services and of common server programs.
2. By the enhanced code (RFC 3463 and its registry).
3. By the basic code and where in the dialogue it came.

What is said before RCPT is about us, so it never speaks against a recipient: a meaning
that blames the recipient gives way there to one that blames the sender.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from mailcore.smtp.meaning_codes import CODES, ENHANCED, HOSTS, MARKS
from mailcore.smtp.meaning_rules import RULES
from mailcore.smtp.route import Stage

__all__ = ["KINDS", "Kind", "Meaning", "explain_reply"]

# Replies tell what they have to tell at the beginning; the rest is addresses of help.
READ = 2000


class Kind(StrEnum):
    """What sort of trouble it is, for whoever decides about trying again."""

    ACCEPTED = "accepted"
    NO_MAILBOX = "no_mailbox"  # nobody is there: no use in writing again
    MAILBOX_FULL = "mailbox_full"
    TEMPORARY = "temporary"
    GREYLISTED = "greylisted"
    RATE = "rate"  # too much in too short a time
    POLICY = "policy"  # authentication, reputation, rules
    CONTENT = "content"
    SIZE = "size"
    RELAY = "relay"  # our own SMTP server, its login or settings
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """``key`` is stable and has words of its own; ``provider`` is who spoke, or ""."""

    key: str
    kind: Kind
    provider: str = ""


KINDS: dict[str, Kind] = {
    "accepted": Kind.ACCEPTED,
    # The recipient.
    "no_mailbox": Kind.NO_MAILBOX,
    "mailbox_disabled": Kind.NO_MAILBOX,
    "moved": Kind.NO_MAILBOX,
    "bad_domain": Kind.NO_MAILBOX,
    "bad_address": Kind.NO_MAILBOX,
    "address_not_ascii": Kind.NO_MAILBOX,
    "mailbox_full": Kind.MAILBOX_FULL,
    "recipient_rate": Kind.RATE,
    "recipient_policy": Kind.POLICY,
    "recipient_refused": Kind.UNKNOWN,
    # The sender's domain.
    "auth_missing": Kind.POLICY,
    "spf_failed": Kind.POLICY,
    "dkim_failed": Kind.POLICY,
    "dmarc_failed": Kind.POLICY,
    "low_reputation": Kind.POLICY,
    "sender_domain_unknown": Kind.POLICY,
    "sender_unverified": Kind.POLICY,
    "complaints": Kind.RATE,
    # The SMTP server that we hand over to, and its address.
    "blocklisted": Kind.POLICY,
    "no_reverse_name": Kind.POLICY,
    "helo_refused": Kind.POLICY,
    "connection_refused": Kind.POLICY,
    "tls_required": Kind.RELAY,
    "rate_limited": Kind.RATE,
    "too_many_connections": Kind.RATE,
    "sending_quota": Kind.RATE,
    "sender_not_allowed": Kind.RELAY,
    "sender_refused": Kind.RELAY,
    "account_blocked": Kind.RELAY,
    "login_wanted": Kind.RELAY,
    "login_refused": Kind.RELAY,
    "basic_login_off": Kind.RELAY,
    "relay_denied": Kind.RELAY,
    "mail_loop": Kind.RELAY,
    "protocol": Kind.RELAY,
    # The letter.
    "spam": Kind.CONTENT,
    "bad_link": Kind.CONTENT,
    "bad_attachment": Kind.CONTENT,
    "malformed": Kind.CONTENT,
    "letter_refused": Kind.CONTENT,
    "too_big": Kind.SIZE,
    # The recipient's mail server.
    "greylisted": Kind.GREYLISTED,
    "server_busy": Kind.TEMPORARY,
    "no_space": Kind.TEMPORARY,
    "unreachable": Kind.TEMPORARY,
    "temporary": Kind.TEMPORARY,
    "policy": Kind.POLICY,
    "unknown": Kind.UNKNOWN,
}

ABOUT_THE_RECIPIENT = frozenset(
    {
        "no_mailbox",
        "mailbox_disabled",
        "moved",
        "bad_domain",
        "bad_address",
        "mailbox_full",
        "recipient_rate",
        "recipient_policy",
        "recipient_refused",
    }
)
BEFORE_MAIL = frozenset(
    {Stage.CONNECT, Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.AUTH}
)
OF_THE_LETTER = frozenset({Stage.DATA, Stage.BODY})


@lru_cache(maxsize=2048)
def explain_reply(
    code: int, enhanced: str = "", text: str = "", stage: str = "", host: str = ""
) -> Meaning:
    """Return what a reply means; one that says nothing known is ``unknown``.

    ``text`` is without the codes, as ``Reply.text`` is.
    """
    said = " ".join(_anonymous(text[:READ].lower()))
    key, spoken_by = _by_text(f"{code} {enhanced} {said}", code)
    key = key or _by_enhanced(code, enhanced, stage) or _by_code(code, stage)
    if stage in BEFORE_MAIL or stage == Stage.MAIL:
        key = _about_us(key, code, stage)
    provider = _speaker(said, host.lower()) or spoken_by
    return Meaning(key=key, kind=KINDS[key], provider=provider)


def _anonymous(text: str) -> list[str]:
    """Take the addresses out: their domains do not say who speaks."""
    return ["<>" if "@" in word else word for word in text.split()]


def _by_text(said: str, code: int) -> tuple[str, str]:
    """Return the key of the first pattern that fits, and whose words these are."""
    if code < 400:
        return "", ""
    for rule in RULES:
        if rule.pattern.search(said):
            return rule.key, rule.provider
    return "", ""


def _by_enhanced(code: int, enhanced: str, stage: str) -> str:
    class_, _dot, detail = enhanced.partition(".")
    if code < 400 or class_ not in ("4", "5"):
        return ""
    if detail in ("7.1", "7.9"):  # the two that servers use for anything
        return _by_login(stage) if detail == "7.9" else _forbidden(class_, stage)
    return ENHANCED.get(f"{class_}.{detail}") or ENHANCED.get(detail, "")


def _by_login(stage: str) -> str:
    return "login_refused" if stage == Stage.AUTH else "policy"


def _forbidden(class_: str, stage: str) -> str:
    """X.7.1: at RCPT a 4xx is nearly always greylisting (SMTP-18)."""
    if class_ == "4" and stage in ("", Stage.RCPT):
        return "greylisted"
    return "temporary" if class_ == "4" else "policy"


def _by_code(code: int, stage: str) -> str:
    if 200 <= code < 400:
        return "accepted"
    if key := CODES.get(code):
        return key
    if 400 <= code < 500:
        return "server_busy" if code == 421 else "temporary"
    if code < 500:
        return "unknown"
    if code == 552:
        return "mailbox_full" if stage == Stage.RCPT else "too_big"
    if stage == Stage.RCPT:
        return "bad_address" if code == 553 else "recipient_refused"
    return "letter_refused" if stage in OF_THE_LETTER else _before_rcpt(stage)


def _before_rcpt(stage: str) -> str:
    if stage == Stage.AUTH:
        return "login_refused"
    if stage == Stage.MAIL:
        return "sender_refused"
    return "connection_refused" if stage in BEFORE_MAIL else "unknown"


def _about_us(key: str, code: int, stage: str) -> str:
    """Nothing that is said before RCPT is about the recipient (SMTP-17)."""
    if key not in ABOUT_THE_RECIPIENT:
        return key
    return "temporary" if code < 500 else _before_rcpt(stage)


def _speaker(said: str, host: str) -> str:
    for provider, mark in MARKS:
        if mark.search(said):
            return provider
    for suffix, provider in HOSTS:
        if host == suffix or host.endswith(f".{suffix}"):
            return provider
    return ""
