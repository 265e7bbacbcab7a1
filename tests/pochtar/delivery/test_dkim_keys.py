"""Keys of a domain: made, taken in, seen in DNS, replaced, retired."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from django.db import IntegrityError, transaction

from mailcore.dkim import Algorithm
from mailcore.dkim_keys import generate_key, public_text
from pochtar.accounts.models import AuditEntry, User, Workspace
from pochtar.base.errors import Conflict, InvalidInput, NotAllowed, PochtarError
from pochtar.delivery.dkim_checks import check_key
from pochtar.delivery.dkim_keys import (
    delete_dkim_key,
    generate_dkim_key,
    import_dkim_key,
    keys_of,
    known_domains,
    retire_dkim_key,
    rotate_dkim_key,
)
from pochtar.delivery.dkim_signing import signer_for
from pochtar.delivery.models import DkimKey, DkimState, Run
from tests.make import make_dkim_key, make_message, make_sender
from tests.nameserver import Zone, nameserver

pytestmark = pytest.mark.django_db
DOMAIN = "lavka.example"


@pytest.fixture
def zone(settings: Any):
    with nameserver(settings) as made:
        yield made


@pytest.fixture(autouse=True)
def _sender(workspace: Workspace) -> None:
    make_sender(workspace)


def generate(workspace: Workspace, owner: User, algorithm: str = "rsa-sha256"):
    return generate_dkim_key(workspace, domain=DOMAIN, algorithm=algorithm, by=owner)


def pem_of(algorithm: Algorithm = Algorithm.RSA) -> tuple[str, str]:
    private = generate_key(algorithm)
    octets = private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    ).decode()
    return octets, public_text(private)


def test_a_new_key_waits_for_dns_under_a_selector_of_its_own(
    workspace: Workspace, owner: User
) -> None:
    """DKIM-01"""
    key = generate(workspace, owner)

    assert (key.state, key.bits, key.is_weak) == (DkimState.NEW, 2048, False)
    assert re.fullmatch(r"p\d{6}-[0-9a-f]{4}", key.selector)
    assert key.record_name == f"{key.selector}._domainkey.lavka.example"
    assert key.record.startswith("v=DKIM1; k=rsa; p=MIIB")
    assert max(map(len, key.record_strings)) <= 255
    assert signer_for(workspace.pk, "news@lavka.example") is None


def test_the_private_key_is_nowhere_in_the_database(
    workspace: Workspace, owner: User
) -> None:
    """SEC-23"""
    pem, _public = pem_of()
    key = import_dkim_key(workspace, domain=DOMAIN, selector="Mail", pem=pem, by=owner)

    secret = "".join(pem.split("\n")[1:-2])[100:160]
    stored = DkimKey.objects.filter(pk=key.pk).values().get()
    assert secret not in str(stored)
    assert stored["private_sealed"].startswith("v1:")
    said = AuditEntry.objects.get(verb="dkim_key_imported")
    assert said.details == {"name": "mail._domainkey.lavka.example"}


def test_a_key_sealed_for_another_row_does_not_open(
    workspace: Workspace, owner: User
) -> None:
    """SEC-23"""
    one = make_dkim_key(workspace, state="active")
    two = make_dkim_key(workspace)
    DkimKey.objects.filter(pk=one.pk).update(private_sealed=two.private_sealed)

    with pytest.raises(Exception, match="dkim_unreadable"):
        signer_for(workspace.pk, "news@lavka.example")


def test_ed25519_is_only_made_beside_rsa(workspace: Workspace, owner: User) -> None:
    """DKIM-05"""
    with pytest.raises(Conflict, match="RSA"):
        generate(workspace, owner, "ed25519-sha256")
    pem, _public = pem_of(Algorithm.ED25519)
    with pytest.raises(Conflict, match="RSA"):
        import_dkim_key(workspace, domain=DOMAIN, selector="e", pem=pem, by=owner)

    generate(workspace, owner)
    key = generate(workspace, owner, "ed25519-sha256")
    assert key.record.startswith("v=DKIM1; k=ed25519; p=")


def test_an_imported_key_is_the_one_that_was_given(
    workspace: Workspace, owner: User
) -> None:
    pem, public = pem_of()

    key = import_dkim_key(
        workspace, domain=DOMAIN, selector=" Mail2026 ", pem=pem, by=owner
    )

    assert (key.selector, key.public_key, key.state) == ("mail2026", public, "new")


@pytest.mark.parametrize(
    ("over", "code", "field"),
    [
        ({"selector": ""}, "dkim_selector", "selector"),
        ({"selector": "a.b c"}, "dkim_selector", "selector"),
        ({"selector": "x" * 64}, "dkim_selector", "selector"),
        ({"selector": "taken"}, "dkim_selector_taken", "selector"),
        ({"pem": "hello"}, "dkim_pem_no_pem", "pem"),
        ({"domain": "other.example"}, "dkim_domain", ""),
    ],
)
def test_what_cannot_be_taken_in_says_why(
    workspace: Workspace, owner: User, over: dict[str, str], code: str, field: str
) -> None:
    make_dkim_key(workspace, selector="taken", state="retired")
    given = {"domain": DOMAIN, "selector": "s", "pem": pem_of()[0], **over}

    with pytest.raises(InvalidInput) as caught:
        import_dkim_key(workspace, by=owner, **given)

    assert (caught.value.code, caught.value.field) == (code, field)


def test_a_second_key_waits_until_the_first_is_published(
    workspace: Workspace, owner: User
) -> None:
    generate(workspace, owner)

    with pytest.raises(Conflict) as caught:
        generate(workspace, owner)

    assert caught.value.code == "dkim_key_waits"


def test_a_successor_signs_only_after_dns_shows_it(
    workspace: Workspace, owner: User, zone: Zone
) -> None:
    """DKIM-06"""
    old = generate(workspace, owner)
    zone.publish(old)
    check_key(old, by=owner)

    new = rotate_dkim_key(old, by=owner)
    check_key(new, by=owner)
    assert [key.state for key in keys_of(workspace, DOMAIN)] == ["active", "new"]

    zone.publish(new)
    check_key(new, by=owner)
    assert [(key.pk, key.state) for key in keys_of(workspace, DOMAIN)] == [
        (new.pk, "active"),
        (old.pk, "replaced"),
    ]
    verbs = AuditEntry.objects.filter(verb="dkim_key_active")
    assert verbs.count() == 2


def test_only_a_key_in_use_is_replaced(workspace: Workspace, owner: User) -> None:
    with pytest.raises(Conflict):
        rotate_dkim_key(make_dkim_key(workspace), by=owner)


def test_a_retired_key_has_lost_its_private_half(
    workspace: Workspace, owner: User
) -> None:
    key = retire_dkim_key(make_dkim_key(workspace, state="active"), by=owner)

    assert (key.state, key.private_sealed) == ("retired", "")
    assert signer_for(workspace.pk, "news@lavka.example") is None
    with pytest.raises(Conflict):
        retire_dkim_key(key, by=owner)
    delete_dkim_key(key, by=owner)
    assert not DkimKey.objects.exists()


@pytest.mark.parametrize("verb", [retire_dkim_key, delete_dkim_key])
def test_a_key_that_signs_an_open_run_stays(
    workspace: Workspace, owner: User, verb: Any
) -> None:
    """DKIM-07: what began signed does not go on unsigned."""
    key = make_dkim_key(workspace, state="active")
    message = make_message(workspace)
    run = Run.objects.create(
        workspace=workspace,
        subject=message.subject,
        from_email="news@shop.lavka.example",
        relay=make_sender(workspace).relay,
        status="paused",
    )

    with pytest.raises(Conflict) as caught:
        verb(key, by=owner)
    assert caught.value.code == "dkim_in_use"

    run.from_email = "news@other.example"
    run.save()
    verb(key, by=owner)


def test_managers_only(workspace: Workspace, editor: User) -> None:
    key = make_dkim_key(workspace, state="active")
    pem = pem_of()[0]

    for verb in (
        lambda: generate(workspace, editor),
        lambda: import_dkim_key(
            workspace, domain=DOMAIN, selector="s", pem=pem, by=editor
        ),
        lambda: rotate_dkim_key(key, by=editor),
        lambda: retire_dkim_key(key, by=editor),
        lambda: delete_dkim_key(key, by=editor),
        lambda: check_key(key, by=editor),
    ):
        with pytest.raises(NotAllowed):
            verb()


def test_the_database_keeps_one_active_key_of_a_kind(workspace: Workspace) -> None:
    make_dkim_key(workspace, state="active")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_dkim_key(workspace, state="active")
    make_dkim_key(workspace, state="active", algorithm="ed25519-sha256")


def test_domains_are_those_of_senders_and_of_keys(workspace: Workspace) -> None:
    make_sender(workspace, from_email="a@Почта.рф")
    make_sender(workspace, from_email="b@lavka.example")
    make_dkim_key(workspace, domain="old.example")

    assert known_domains(workspace) == [DOMAIN, "old.example", "xn--80a1acny.xn--p1ai"]


def test_every_refusal_has_words(workspace: Workspace, owner: User) -> None:
    with pytest.raises(PochtarError) as caught:
        generate(workspace, owner, "ed25519-sha256")

    assert str(caught.value)
