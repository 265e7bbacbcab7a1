"""The DNS server to ask: the one of the settings, else the machine's."""

from __future__ import annotations

from django.conf import settings
from dns.resolver import Resolver


def make_resolver() -> Resolver:
    if not settings.DNS_NAMESERVER:
        return Resolver()
    resolver = Resolver(configure=False)
    resolver.nameservers = [settings.DNS_NAMESERVER]
    resolver.port = settings.DNS_PORT
    return resolver
