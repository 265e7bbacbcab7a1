"""Domains grouped by the servers that take their mail (PRV-03), asked on loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from django.conf import LazySettings
from dns.resolver import Resolver

from mailcore.smtp.sink import sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery.models import DomainRoute, Slice
from pochtar.delivery.mx import look_up_domains
from pochtar.delivery.tasks import look_up_domains as task
from tests.make import make_recipient
from tests.pochtar.delivery.launching import launch

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _lookups(settings: LazySettings) -> None:
    settings.MX_LOOKUPS = True


@contextlib.contextmanager
def dns_server(zone: Mapping[str, list[str]]) -> Iterator[Resolver]:
    """A small DNS server; a name that is not in the zone does not exist."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve, args=(door, zone), daemon=True)
        thread.start()
        resolver = Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], door.getsockname()[1]
        yield resolver
        door.sendto(b"", door.getsockname())
        thread.join(5)


def _serve(door: socket.socket, zone: Mapping[str, list[str]]) -> None:
    while True:
        wire, who = door.recvfrom(4096)
        if not wire:
            return
        question = dns.message.from_wire(wire)
        name = question.question[0].name
        reply = dns.message.make_response(question)
        records = zone.get(name.to_text(omit_final_dot=True))
        if records is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif records:
            reply.answer.append(dns.rrset.from_text_list(name, 60, "IN", "MX", records))
        door.sendto(reply.to_wire(), who)


def make_company(workspace: Workspace, domain: str, count: int) -> None:
    for number in range(count):
        make_recipient(workspace, f"p{number}@{domain}")


def test_a_companys_domain_is_grouped_by_its_mail_exchanger(
    workspace: Workspace,
) -> None:
    """PRV-03"""
    make_company(workspace, "firma.ru", 6)
    make_company(workspace, "zavod.ru", 5)
    make_company(workspace, "example.com", 7)
    make_company(workspace, "small.ru", 2)
    zone = {
        "firma.ru": ["10 mx.yandex.net.", "5 backup.firma.ru."],
        "zavod.ru": ["10 mx.zavod.ru."],
    }
    with sink_in_thread() as sink, dns_server(zone) as resolver:
        first = launch(workspace, sink).deliveries.all()
        assert look_up_domains(first, resolver=resolver) == 2
        again = launch(workspace, sink)
        # Known by now.
        assert look_up_domains(again.deliveries.all(), resolver=resolver) == 0

    routes = dict(DomainRoute.objects.values_list("domain", "provider"))
    assert routes == {"firma.ru": "yandex", "zavod.ru": ""}
    sizes = [
        (one.provider, one.last_position - one.first_position + 1)
        for one in Slice.objects.filter(run=again).order_by("first_position")
    ]
    assert sizes == [("", 14), ("yandex", 6)]


def test_without_an_answer_nothing_is_written_and_it_ends_soon(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        make_company(workspace, f"firma{number}.ru", 5)
    asked: list[str] = []

    def silent(self: Resolver, name: str, *_: object, **__: object) -> None:
        asked.append(name)
        raise OSError

    monkeypatch.setattr(Resolver, "resolve", silent)
    with sink_in_thread() as sink:
        people = launch(workspace, sink).deliveries.all()
        assert look_up_domains(people, resolver=Resolver(configure=False)) == 0

    assert len(asked) == 3
    assert not DomainRoute.objects.exists()


def test_the_operator_may_switch_it_off(
    workspace: Workspace, settings: LazySettings
) -> None:
    settings.MX_LOOKUPS = False
    make_company(workspace, "firma.ru", 6)
    with sink_in_thread() as sink:
        run = launch(workspace, sink)

    task(str(run.pk))

    assert not DomainRoute.objects.exists()
