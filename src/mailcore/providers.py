"""Who receives the mail: mailbox providers, how much they take, and what they say.

Domains are grouped by the provider behind them: by name where everybody knows the
name, else by the suffix of their mail exchanger (PRV-03).  The numbers are where to
start, not what is promised: a workspace may set its own, and a provider that asks for
less is heard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "OTHERS",
    "PROVIDERS",
    "Provider",
    "Slowdown",
    "find_slowdown",
    "provider_of_domain",
    "provider_of_exchangers",
]

OTHERS = ""  # everybody whose provider is not in the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A mailbox provider. ``per_minute`` None: as fast as it goes."""

    key: str
    name: str
    domains: tuple[str, ...] = ()
    exchangers: tuple[str, ...] = ()  # suffixes of host names
    connections: int
    letters_per_connection: int
    per_minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowdown:
    """What a reply asks for: so many letters a minute, for so many seconds.

    ``per_minute`` 0 is a pause.  ``provider`` is whose words these are, where only one
    speaks so.  ``known`` is false where only the code says that it is too much.
    """

    why: str
    per_minute: int = 0
    seconds: int = 0
    provider: str = ""
    known: bool = True


PROVIDERS: dict[str, Provider] = {
    one.key: one
    for one in (
        Provider(
            key="google",
            name="Gmail",
            domains=("gmail.com", "googlemail.com"),
            exchangers=("google.com", "googlemail.com", "smtp.goog"),
            connections=5,
            letters_per_connection=50,
        ),
        Provider(
            key="mailru",
            name="Mail.ru",
            domains=(
                "mail.ru",
                "bk.ru",
                "inbox.ru",
                "list.ru",
                "internet.ru",
                "vk.com",
                "xmail.ru",
            ),
            exchangers=("mail.ru", "vk.com"),
            connections=2,
            letters_per_connection=20,
        ),
        Provider(
            key="yandex",
            name="Yandex",
            domains=(
                "yandex.ru",
                "ya.ru",
                "yandex.com",
                "narod.ru",
                "yandex.by",
                "yandex.kz",
                "yandex.ua",
                "yandex.uz",
            ),
            exchangers=("yandex.ru", "yandex.net"),
            connections=2,
            letters_per_connection=20,
        ),
        Provider(
            key="microsoft",
            name="Outlook",
            domains=(
                "outlook.com",
                "hotmail.com",
                "live.com",
                "msn.com",
                "outlook.fr",
                "outlook.de",
                "hotmail.co.uk",
                "hotmail.fr",
                "live.ru",
            ),
            exchangers=("outlook.com", "hotmail.com"),
            connections=5,
            letters_per_connection=50,
        ),
        Provider(
            key="yahoo",
            name="Yahoo",
            domains=(
                "yahoo.com",
                "ymail.com",
                "rocketmail.com",
                "yahoo.co.uk",
                "yahoo.fr",
                "yahoo.de",
                "aol.com",
            ),
            exchangers=("yahoodns.net",),
            connections=5,
            letters_per_connection=20,
        ),
        Provider(
            key="apple",
            name="iCloud",
            domains=("icloud.com", "me.com", "mac.com"),
            exchangers=("mail.icloud.com", "apple.com"),
            connections=5,
            letters_per_connection=5,
        ),
        Provider(
            key="rambler",
            name="Rambler",
            domains=(
                "rambler.ru",
                "lenta.ru",
                "autorambler.ru",
                "myrambler.ru",
                "ro.ru",
            ),
            exchangers=("rambler.ru",),
            connections=2,
            letters_per_connection=20,
        ),
    )
}
_BY_DOMAIN = {name: one.key for one in PROVIDERS.values() for name in one.domains}
_BY_EXCHANGER = sorted(
    (
        (f".{suffix}", one.key)
        for one in PROVIDERS.values()
        for suffix in one.exchangers
    ),
    key=lambda pair: -len(pair[0]),
)


def provider_of_domain(domain: str) -> str:
    """Return the key of the provider that everybody knows by this domain, or OTHERS."""
    return _BY_DOMAIN.get(domain.lower(), OTHERS)


def provider_of_exchangers(exchangers: Iterable[str]) -> str:
    """Return the provider whose hosts take the mail, or OTHERS."""
    for host in exchangers:
        name = f".{host.rstrip('.').lower()}"
        for suffix, key in _BY_EXCHANGER:
            if name.endswith(suffix):
                return key
    return OTHERS


# Replies ------------------------------------------------------------------------------
_HOUR = 3600
_TEXTS = (
    # TSS04 is Yahoo's "complaints or volume": an hour and a half of one a minute.
    (r"\[TSS0?4\]|TSS04", Slowdown(why="TSS04", per_minute=1, seconds=5400, provider="yahoo")),
    (r"\[TS0[1-3]\]", Slowdown(why="TS01", seconds=4 * _HOUR, provider="yahoo")),
    (r"\b4\.7\.28\b", Slowdown(why="4.7.28", per_minute=5, seconds=_HOUR, provider="google")),
    (r"\b4\.7\.650\b", Slowdown(why="4.7.650", per_minute=5, seconds=_HOUR, provider="microsoft")),
    (r"\bRP-00[1-3]\b", Slowdown(why="RP-001", per_minute=5, seconds=_HOUR, provider="microsoft")),
    (r"\b4\.7\.500\b|server busy", Slowdown(why="server busy", per_minute=30, seconds=900)),
    (r"rate.?limit|ratelimit|exceeded the rate|too (?:many|much)|throttl", Slowdown(why="rate", per_minute=10, seconds=900)),
)  # fmt: skip
TEXTS = tuple((re.compile(pattern, re.IGNORECASE), what) for pattern, what in _TEXTS)
# One letter's, one connection's or one mailbox's affair, or a matter of waiting for that letter alone.
_NOT_OURS = re.compile(
    r"gr[ae]y.?list|(?:per|in|on|for) (?:this |one |a )?(?:connection|session)|(?<![.\d])4\.(?:1|2)\.\d"
    r"|mailbox|quota|over ?quota",
    re.IGNORECASE,
)
UNNAMED = Slowdown(why="", known=False)


def find_slowdown(code: int, enhanced: str, text: str) -> Slowdown | None:
    """Return what a reply asks of the sender as a whole; None if nothing."""
    if not 400 <= code < 500:
        return None
    said = f"{enhanced} {text}"
    if _NOT_OURS.search(said):
        return None
    for pattern, what in TEXTS:
        if pattern.search(said):
            return what
    return UNNAMED if code in (421, 450) else None
