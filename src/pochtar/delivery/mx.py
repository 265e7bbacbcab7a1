"""Find the provider behind a company's domain by its mail exchangers (PRV-03).

Asked in the background for the domains that many recipients have: when a mailing is
scheduled, so that it is grouped by what was found, and after a launch, for the next
ones.  A run's own slices are cut at its launch and stay as they are.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import structlog
from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone
from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, Resolver

from mailcore.providers import OTHERS, provider_of_domain, provider_of_exchangers
from pochtar.delivery.grouping import domain_of
from pochtar.delivery.models import Delivery, DomainRoute
from pochtar.recipients.models import Recipient

log = structlog.get_logger(__name__)

FEWEST = 5  # recipients in a domain that is worth a question
MOST = 200  # domains after one launch
GOOD_DAYS = 30
ANSWER_SECONDS = 3.0
ALL_SECONDS = 15.0
MOST_SILENCES = 3  # without an answer DNS is taken to be out of reach
# Nobody's, by RFC 2606 and 6761.
NOBODYS = (".example", ".test", ".invalid", ".localhost", ".local")
EXAMPLES = frozenset({"example.com", "example.net", "example.org"})


def look_up_domains(
    people: QuerySet[Delivery] | QuerySet[Recipient],
    *,
    resolver: Resolver | None = None,
) -> int:
    """Ask for the busiest domains that are not known; return how many answered."""
    if not settings.MX_LOOKUPS:
        return 0
    resolver = resolver or Resolver()
    until = time.monotonic() + ALL_SECONDS
    answered = silences = 0
    for domain in _wanted(people):
        if time.monotonic() > until or silences >= MOST_SILENCES:
            break
        hosts = find_exchangers(domain, resolver)
        if hosts is None:
            silences += 1
            continue
        answered += 1
        DomainRoute.objects.update_or_create(
            domain=domain,
            defaults={
                "provider": provider_of_exchangers(hosts),
                "mx": "\n".join(hosts)[:2000],
                "checked_at": timezone.now(),
            },
        )
    log.info("domains_looked_up", answered=answered)
    return answered


def find_exchangers(domain: str, resolver: Resolver) -> list[str] | None:
    """Return the hosts that take the domain's mail, the first choice first.

    None: DNS did not answer, which is not the same as none.
    """
    try:
        name = domain.encode("idna").decode()
        answer = resolver.resolve(f"{name}.", "MX", lifetime=ANSWER_SECONDS)
    except (NXDOMAIN, NoAnswer, UnicodeError):
        return []
    except (DNSException, OSError):
        return None
    records = sorted(answer, key=lambda record: record.preference)
    return [record.exchange.to_text(omit_final_dot=True).lower() for record in records]


def _wanted(people: QuerySet[Any]) -> list[str]:
    fresh = timezone.now() - dt.timedelta(days=GOOD_DAYS)
    known = DomainRoute.objects.filter(checked_at__gt=fresh)
    seen = set(known.values_list("domain", flat=True))
    return [
        domain
        for domain in _busiest(people)
        if domain not in seen and _is_somebodys(domain)
    ]


def _is_somebodys(domain: str) -> bool:
    if domain in EXAMPLES or domain.endswith(NOBODYS) or "." not in domain:
        return False
    return provider_of_domain(domain) == OTHERS


def _busiest(people: QuerySet[Any]) -> list[str]:
    emails = people.order_by().values_list("email")
    inner, parameters = emails.query.get_compiler(connection=connection).as_sql()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {domain_of('people.email')}, COUNT(*) FROM ({inner}) AS people "  # noqa: S608
            "GROUP BY 1 HAVING COUNT(*) >= %s ORDER BY 2 DESC LIMIT %s",
            [*parameters, FEWEST, MOST],
        )
        return [str(domain) for domain, _count in cursor.fetchall()]
