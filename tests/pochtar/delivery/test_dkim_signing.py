"""Who signs the letters of an address; checked by dkimpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from django.core.mail import EmailMessage
from django.utils import timezone

from mailcore.dkim import Algorithm
from mailcore.dkim_keys import generate_key, public_text, record_text
from mailcore.engine.types import Item
from mailcore.smtp.session import Envelope
from mailcore.smtp.sink import sink_in_thread
from pochtar.accounts.models import User, Workspace
from pochtar.delivery.checks import send_test
from pochtar.delivery.dkim_service import check_service_key
from pochtar.delivery.dkim_signing import domains_above, signer_for
from pochtar.delivery.letters import composer_for_test
from pochtar.delivery.models import DkimKey
from tests.make import make_dkim_key, make_message, make_relay, make_sender

pytestmark = pytest.mark.django_db
PRIVATE = generate_key(Algorithm.RSA)
PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def dns_of(*keys: DkimKey, **more: str) -> Callable[..., bytes]:
    zone = {key.record_name: key.record for key in keys}
    zone["pochtar._domainkey.service.example"] = record_text(
        Algorithm.RSA, public_text(PRIVATE)
    )

    def find(name: bytes, timeout: int = 5) -> bytes:
        return zone[name.decode().rstrip(".")].encode()

    return find


def written(workspace: Workspace, from_email: str = "news@lavka.example") -> bytes:
    sender = make_sender(workspace, from_email=from_email)
    composer = composer_for_test(make_message(workspace), sender, scope="x")
    item = Item(
        delivery_id=1, position=1, email="a@b.example", values={"full_name": "Анна"}
    )
    envelope = composer(item, timezone.now())
    return (composer.signer(envelope) if composer.signer else envelope).data


def signatures(data: bytes) -> list[str]:
    return message_from_bytes(data).get_all("DKIM-Signature") or []


def test_without_a_key_nothing_is_signed(workspace: Workspace) -> None:
    make_dkim_key(workspace)  # not published yet
    make_dkim_key(workspace, state="replaced")
    make_dkim_key(workspace, state="active", domain="other.example")

    assert signatures(written(workspace)) == []
    assert signer_for(workspace.pk, "no address") is None


def test_the_active_key_signs(workspace: Workspace) -> None:
    """DKIM-02, DKIM-08"""
    key = make_dkim_key(workspace, state="active")

    data = written(workspace)

    assert len(signatures(data)) == 1
    assert dkim.verify(data, dnsfunc=dns_of(key))


def test_the_exact_domain_comes_before_the_one_above(workspace: Workspace) -> None:
    above = make_dkim_key(workspace, state="active", domain="lavka.example")
    data = written(workspace, "news@mail.lavka.example")
    assert "d=lavka.example;" in signatures(data)[0]
    assert dkim.verify(data, dnsfunc=dns_of(above))

    exact = make_dkim_key(workspace, state="active", domain="mail.lavka.example")
    data = written(workspace, "news@mail.lavka.example")
    assert "d=mail.lavka.example;" in signatures(data)[0]
    assert dkim.verify(data, dnsfunc=dns_of(exact))


def test_both_kinds_sign_and_ed25519_not_without_rsa(workspace: Workspace) -> None:
    """DKIM-05"""
    small = make_dkim_key(workspace, state="active", algorithm="ed25519-sha256")
    assert signatures(written(workspace)) == []

    big = make_dkim_key(workspace, state="active")
    data = written(workspace)
    verifier = dkim.DKIM(data)
    assert ["ed25519" in one for one in signatures(data)] == [False, True]
    assert [verifier.verify(idx=at, dnsfunc=dns_of(small, big)) for at in (0, 1)] == [
        True,
        True,
    ]


def test_another_workspaces_key_does_not_sign(
    workspace: Workspace, stranger: User
) -> None:
    """SEC-01"""
    foreign = Workspace.objects.exclude(pk=workspace.pk).get()
    make_dkim_key(foreign, state="active")

    assert signer_for(workspace.pk, "news@lavka.example") is None


def test_nobody_owns_a_top_domain() -> None:
    assert domains_above("a.b.example") == ["a.b.example", "b.example"]
    assert domains_above("localhost") == ["localhost"]


# The service's own key ------------------------------------------------------------------


@pytest.fixture
def service(settings: Any) -> Any:
    settings.DKIM_SERVICE_DOMAIN = "service.example"
    settings.DKIM_SERVICE_SELECTOR = "pochtar"
    settings.DKIM_SERVICE_KEY = PEM
    return settings


def test_the_service_signs_beside_the_client(
    workspace: Workspace, service: Any
) -> None:
    """DKIM-06"""
    key = make_dkim_key(workspace, state="active")

    data = written(workspace)

    ours = ["d=service.example" in one for one in signatures(data)]
    assert ours == [False, True]
    for at in (0, 1):
        assert dkim.DKIM(data).verify(idx=at, dnsfunc=dns_of(key))


@pytest.mark.parametrize(
    ("sender", "count"), [("Почта <a@mail.service.example>", 1), ("a@other.example", 0)]
)
def test_letters_of_the_system_are_signed_by_it(
    service: Any, sender: str, count: int
) -> None:
    service.EMAIL_BACKEND = "pochtar.delivery.mail_backend.EmailBackend"
    with sink_in_thread() as sink:
        service.SYSTEM_SMTP_URL = f"smtp://127.0.0.1:{sink.port}?tls=none"
        EmailMessage("Hi", "Text", sender, ["a@b.example"]).send()

    data = sink.accepted[0].data
    assert len(signatures(data)) == count
    assert dkim.verify(data, dnsfunc=dns_of()) == bool(count)


@pytest.mark.parametrize(
    ("over", "problems"),
    [
        ({}, 0),
        ({"DKIM_SERVICE_DOMAIN": "", "DKIM_SERVICE_KEY": ""}, 0),
        ({"DKIM_SERVICE_KEY": ""}, 1),
        ({"DKIM_SERVICE_SELECTOR": ""}, 1),
    ],
)
def test_a_wrong_key_of_the_service_is_said_at_the_start(
    service: Any, over: dict[str, str], problems: int
) -> None:
    for name, value in over.items():
        setattr(service, name, value)

    assert len(check_service_key()) == problems


# Test letters ---------------------------------------------------------------------------


def send(workspace: Workspace, owner: User, port: int):
    return send_test(
        make_message(workspace),
        sender=make_sender(workspace, relay=make_relay(workspace, port=port)),
        to="me@example.com",
        values={"email": "me@example.com", "full_name": "Я"},
        by=owner,
    )


def test_a_test_letter_is_signed_like_the_others(
    workspace: Workspace, owner: User
) -> None:
    key = make_dkim_key(workspace, state="active")
    with sink_in_thread() as sink:
        assert send(workspace, owner, sink.port).accepted

    assert dkim.verify(sink.accepted[0].data, dnsfunc=dns_of(key))


def test_a_test_letter_says_that_the_record_is_wrong(
    workspace: Workspace, owner: User
) -> None:
    """DKIM-07"""
    make_dkim_key(workspace, state="active", verdict="missing")

    sent = send(workspace, owner, 25)

    assert (sent.accepted, sent.code) == (False, "dkim_mismatch")
    assert sent.verdict != "dkim_mismatch"


def test_a_signed_letter_keeps_its_name_in_reports(workspace: Workspace) -> None:
    """SMTP-07: ENVID stays; and it is still known to need no dot-stuffing (MSG-06)."""
    make_dkim_key(workspace, state="active")
    sign = signer_for(workspace.pk, "news@lavka.example")
    plain = Envelope(
        mail_from="news@lavka.example",
        rcpt_to="a@b.example",
        data=b"From: a@b.example\r\n\r\nHi\r\n",
        clean=True,
        envid="name-in-reports",
    )

    assert sign
    signed = sign(plain)

    assert replace(signed, data=b"") == replace(plain, data=b"")
    assert b"\n." not in signed.data
