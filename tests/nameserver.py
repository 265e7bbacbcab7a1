"""A small DNS server on loopback: what it answers, a test writes into its zone."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from django.conf import LazySettings

from pochtar.delivery.models import DkimKey


@dataclass
class Zone:
    """Values by name. ``mute`` answers nothing, ``rcode`` a failure."""

    txt: dict[str, list[str]] = field(default_factory=dict)
    mx: dict[str, list[str]] = field(default_factory=dict)  # "10 mx.example."
    a: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    mute: bool = False
    rcode: int = dns.rcode.NOERROR
    port: int = 0

    def publish(self, key: DkimKey, *values: str) -> None:
        """Show the key's record, or other values in its place."""
        self.txt[key.record_name] = list(values) or [key.record]

    def answer(self, question: bytes) -> bytes | None:
        query = dns.message.from_wire(question)
        name = query.question[0].name.to_text(omit_final_dot=True)
        self.asked.append(name)
        if self.mute:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        response.set_rcode(dns.rcode.Rcode(self.rcode))
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        tables = {"TXT": self.txt, "MX": self.mx, "A": self.a}
        values = tables.get(kind, {}).get(name, [])
        if kind == "TXT":
            values = [*map(quoted, values)]
        if values:
            response.answer.append(
                dns.rrset.from_text(f"{name}.", 60, "IN", kind, *values)
            )
        elif not self.rcode and not any(name in table for table in tables.values()):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()


def quoted(value: str) -> str:
    """Cut into strings of 200 octets, as a zone file has them."""
    parts = [value[at : at + 200] for at in range(0, len(value), 200)]
    return " ".join('"' + part.replace('"', '\\"') + '"' for part in parts)


@contextmanager
def nameserver(settings: LazySettings) -> Iterator[Zone]:
    """Answer on a free port, and let the settings point there."""
    zone = Zone()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            question, channel = self.request
            if answer := zone.answer(question):
                channel.sendto(answer, self.client_address)

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
        thread.start()
        zone.port = server.server_address[1]
        settings.DNS_NAMESERVER, settings.DNS_PORT = "127.0.0.1", zone.port
        try:
            yield zone
        finally:
            server.shutdown()
            thread.join()
