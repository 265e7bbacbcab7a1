"""Hosts that people name: how they are written, and which ones a server may stand at."""

from __future__ import annotations

import ipaddress
import re

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from pochtar.base.errors import InvalidInput

_HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
LOCAL_NAMES = frozenset({"localhost"})
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def clean_host(host: str, *, field: str = "host") -> str:
    """Return a host name (A-labels) or an address; raise InvalidInput."""
    typed = host.strip().rstrip(".")
    try:
        return _address(typed, field)
    except ValueError:
        pass
    try:
        name = typed.encode("idna").decode().lower()
    except UnicodeError:
        name = ""
    labels = name.split(".")
    numeric = labels[-1].isdecimal()  # 1.2.3 and 0x7f.1 are tricks, not names
    if not all(_HOST_LABEL.fullmatch(label) for label in labels) or numeric:
        raise InvalidInput(
            "relay_host",
            _("Enter a host name like smtp.example.com, without https:// and port."),
            field=field,
        )
    return name


def _address(typed: str, field: str) -> str:
    address = str(ipaddress.ip_address(typed.strip("[]")))
    if not settings.ALLOW_PRIVATE_RELAYS and not is_public(address):
        raise InvalidInput(
            "relay_private",
            _("This installation does not allow servers in a private network."),
            field=field,
        )
    return address


def is_public(address: str) -> bool:
    """Whether an address is one of the internet, and hides none that is not (SEC-08)."""
    peer: Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(peer, ipaddress.IPv6Address):
        peer = _inside(peer) or peer
    return peer.is_global and not peer.is_multicast


def _inside(peer: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 one stands for: mapped, 6to4 or NAT64."""
    if peer in _NAT64:
        return ipaddress.IPv4Address(int(peer) & 0xFFFFFFFF)
    return peer.ipv4_mapped or peer.sixtofour


def is_local(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOCAL_NAMES
