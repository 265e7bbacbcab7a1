"""Find out, in the background, which domains of recipients take mail.

Recipients have keys that ascend with time, so a walk that remembers its place meets
every domain once, however many there are; a domain typed by hand waits in line at once.
Each look at the line asks DNS about a few.  No answer is not the answer "there is none".
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, NoNameservers, Resolver

from pochtar.base.resolver import make_resolver
from pochtar.recipients.models import (
    DomainHealth,
    DomainVerdict,
    DomainWalk,
    Recipient,
)

STEP = 5000  # recipients that one walk looks through
SETTLED = dt.timedelta(minutes=5)  # a long import may still commit older keys
PORTION = 50  # domains that are asked about at a time
ANSWER_SECONDS, ALL_SECONDS = 3.0, 20.0
MOST_SILENCES = 3  # without an answer DNS is taken to be out of reach
GOOD_FOR = dt.timedelta(days=30)
ASK_AGAIN_AFTER = dt.timedelta(hours=6)  # what was not answered
# Nobody's, by RFC 2606 and 6761: not asked about.
NOBODYS = ("example", "test", "invalid", "localhost", "local")
EXAMPLES = frozenset({"example.com", "example.net", "example.org"})


def health_of(email_key: str) -> DomainHealth | None:
    """Return what is known of the address's domain."""
    return DomainHealth.objects.filter(pk=domain_of(email_key)).first()


def domain_of(email_key: str) -> str:
    return email_key.rpartition("@")[2]


def expect_domains(domains: Iterable[str]) -> None:
    """Put the domains that are not known yet in the line."""
    new = set(domains)
    known = DomainHealth.objects.filter(pk__in=new).values_list("pk", flat=True)
    rows = [
        DomainHealth(domain=domain)
        for domain in sorted(new - set(known))
        if _is_somebodys(domain)
    ]
    DomainHealth.objects.bulk_create(rows, ignore_conflicts=True)


@transaction.atomic
def walk_recipients(*, now: dt.datetime | None = None) -> bool:
    """Look through the next recipients for new domains; False when there are none."""
    now = now or timezone.now()
    DomainWalk.objects.get_or_create(pk=DomainWalk.ONLY)
    walk = DomainWalk.objects.select_for_update().get(pk=DomainWalk.ONLY)
    rows = Recipient.objects.order_by("pk")
    if walk.last_recipient:
        rows = rows.filter(pk__gt=walk.last_recipient)
    last, domains = None, set()
    for pk, key, at in rows.values_list("pk", "email_key", "created_at")[:STEP]:
        if at > now - SETTLED:
            break
        last = pk
        domains.add(domain_of(key))
    if last is None:
        return False
    expect_domains(domains)
    DomainWalk.objects.filter(pk=walk.pk).update(last_recipient=last)
    return True


def ask_about_domains(
    *, resolver: Resolver | None = None, now: dt.datetime | None = None
) -> int:
    """Ask about a few of those in the line; return how many answered."""
    if not settings.MX_LOOKUPS:
        return 0
    resolver, now = resolver or make_resolver(), now or timezone.now()
    until = time.monotonic() + ALL_SECONDS
    answered = silences = 0
    for row in _due(now)[:PORTION]:
        verdict = ask(row.domain, resolver)
        mine = DomainHealth.objects.filter(pk=row.pk)
        if verdict != DomainVerdict.UNKNOWN:
            mine.update(verdict=verdict, checked_at=now)
            answered += 1
            continue
        # An older verdict stays good until there is a new one.
        mine.update(checked_at=now)
        silences += 1
        if silences >= MOST_SILENCES or time.monotonic() > until:
            break
    return answered


def ask(domain: str, resolver: Resolver) -> DomainVerdict:
    """Return what DNS says: a mail server, or an address in its place (RFC 5321, 5.1)."""
    try:
        answer = resolver.resolve(f"{domain}.", "MX", lifetime=ANSWER_SECONDS)
    except NXDOMAIN:
        return DomainVerdict.MISSING
    except NoAnswer:
        return _by_address(domain, resolver)
    except (DNSException, OSError, UnicodeError):
        return DomainVerdict.UNKNOWN
    if all(record.exchange.to_text() == "." for record in answer):
        return DomainVerdict.NULL_MX
    return DomainVerdict.MAIL


def _by_address(domain: str, resolver: Resolver) -> DomainVerdict:
    for kind in ("A", "AAAA"):
        try:
            resolver.resolve(f"{domain}.", kind, lifetime=ANSWER_SECONDS)
        except (NoAnswer, NXDOMAIN):
            continue
        except (NoNameservers, DNSException, OSError):
            return DomainVerdict.UNKNOWN
        return DomainVerdict.MAIL
    return DomainVerdict.NO_SERVER


def _due(now: dt.datetime) -> QuerySet[DomainHealth]:
    """Return who has waited longest first; those never asked about before all."""
    waits = Q(checked_at=None) | Q(checked_at__lt=now - GOOD_FOR)
    silent = Q(verdict=DomainVerdict.UNKNOWN, checked_at__lt=now - ASK_AGAIN_AFTER)
    return DomainHealth.objects.filter(waits | silent).order_by(
        F("checked_at").asc(nulls_first=True)
    )


def _is_somebodys(domain: str) -> bool:
    return "." in domain and not (
        domain in EXAMPLES or domain.rpartition(".")[2] in NOBODYS
    )
