"""The pages of a sender's domain and its keys."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from django.test import Client
from django.utils.html import escape

from mailcore.dkim import Algorithm
from mailcore.dkim_keys import generate_key
from pochtar.accounts.models import Workspace
from pochtar.delivery.dkim_words import NOTES, VERDICTS
from pochtar.delivery.models import DkimKey, Run, Sender
from pochtar.web.reasons import pause_of
from tests.make import make_dkim_key, make_relay, make_sender
from tests.nameserver import Zone, nameserver

pytestmark = pytest.mark.django_db
OF_512_BITS = (
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAECAwEAAQ=="
)
PAGE = "/senders/domains/lavka.example/"


@pytest.fixture
def zone(settings: Any):
    with nameserver(settings) as made:
        yield made


@pytest.fixture
def sender(workspace: Workspace) -> Sender:
    return make_sender(workspace)


def text_of(client: Client, url: str = PAGE) -> str:
    return client.get(url).content.decode()


def test_a_key_is_made_published_and_seen(
    as_manager: Client, sender: Sender, zone: Zone
) -> None:
    """DKIM-01"""
    as_manager.post(f"{PAGE}generate/")
    key = DkimKey.objects.get()
    page = text_of(as_manager)
    assert key.record_name in page
    assert key.record in page
    assert all(part in page for part in key.record_strings)
    assert 'data-copy-from="#value-1"' in page

    as_manager.post(f"/senders/keys/{key.pk}/check/")
    assert DkimKey.objects.get().verdict == "missing"

    zone.publish(key)
    as_manager.post(f"/senders/keys/{key.pk}/check/")
    assert DkimKey.objects.get().is_active
    assert "badge-good" in text_of(as_manager, "/senders/")


def test_the_private_key_is_never_shown(as_manager: Client, sender: Sender) -> None:
    """SEC-23: not even where the form was wrong."""
    pem = (
        generate_key(Algorithm.RSA)
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        .decode()
    )
    secret = pem.split("\n")[5]

    wrong = as_manager.post(f"{PAGE}import/", {"selector": "_", "pem": pem})
    right = as_manager.post(
        f"{PAGE}import/", {"selector": "mail", "pem": pem}, follow=True
    )

    assert (wrong.status_code, list(wrong.context["form"].errors)) == (
        422,
        ["selector"],
    )
    assert DkimKey.objects.get().selector == "mail"
    assert secret not in wrong.content.decode() + right.content.decode()


def test_what_is_no_key_is_an_error_at_the_field(
    as_manager: Client, sender: Sender
) -> None:
    page = as_manager.post(f"{PAGE}import/", {"selector": "a", "pem": "hello"})

    assert list(page.context["form"].errors) == ["pem"]


def test_the_way_of_a_key_to_its_end(
    as_manager: Client, sender: Sender, zone: Zone
) -> None:
    """DKIM-06"""
    old = make_dkim_key(sender.workspace, state="active", verdict="matches")
    as_manager.post(f"/senders/keys/{old.pk}/rotate/")
    new = DkimKey.objects.exclude(pk=old.pk).get()
    zone.publish(new)
    as_manager.post(f"/senders/keys/{new.pk}/check/")
    assert DkimKey.objects.get(pk=old.pk).state == "replaced"

    as_manager.post(f"/senders/keys/{old.pk}/retire/")
    assert DkimKey.objects.get(pk=old.pk).state == "retired"
    as_manager.post(f"/senders/keys/{old.pk}/delete/")
    assert DkimKey.objects.get() == new


def test_a_refusal_is_said_on_the_page(as_manager: Client, sender: Sender) -> None:
    """DKIM-05"""
    page = as_manager.post(
        f"{PAGE}generate/", {"algorithm": "ed25519-sha256"}, follow=True
    )

    assert not DkimKey.objects.exists()
    assert "Ed25519" in page.content.decode()


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"verdict": "other_key", "found": "v=DKIM1; p=AAAA"}, "v=DKIM1; p=AAAA"),
        ({"trouble": "timeout", "asked_at": "2026-05-01T00:00Z"}, "alert-warning"),
        ({"bits": 1024}, "1024"),
        ({"state": "retired"}, "alert-info"),
    ],
)
def test_the_page_says_how_a_key_stands(
    as_manager: Client, sender: Sender, over: dict[str, Any], words: str
) -> None:
    key = make_dkim_key(sender.workspace, **{"state": "active", **over})
    if "bits" in over:
        DkimKey.objects.filter(pk=key.pk).update(bits=1024)

    assert words in text_of(as_manager)


@pytest.mark.parametrize(
    ("change", "verdict", "note"),
    [
        (lambda record: record, "matches", None),
        (lambda record: record.replace("k=", "t=y; k="), "matches", "testing"),
        (lambda record: record.replace("k=", "t=s; k="), "matches", "strict"),
        (lambda record: record.replace("k=", "h=sha1; k="), "broken", "no_sha256"),
        (lambda record: record.replace("k=", "s=other; k="), "broken", "not_for_mail"),
        (lambda record: record.partition("p=")[0] + "p=", "revoked", None),
        (lambda record: f"v=DKIM1; p={OF_512_BITS}", "other_key", "short"),
        (lambda record: [record, "v=DKIM1; p="], "several", None),
    ],
)
def test_the_page_says_what_is_odd_about_a_record(
    as_manager: Client, sender: Sender, zone: Zone, change: Any, verdict: str, note: Any
) -> None:
    """DKIM-01, DKIM-07: as DNS shows it, in words."""
    key = make_dkim_key(sender.workspace, state="active")
    changed = change(key.record)
    zone.publish(key, *([changed] if isinstance(changed, str) else changed))

    as_manager.post(f"/senders/keys/{key.pk}/check/")

    page = text_of(as_manager)
    assert escape(str(VERDICTS[verdict])) in page
    shown = [name for name, one in NOTES.items() if escape(str(one.text)) in page]
    assert shown == ([note] if note else [])


def test_a_viewer_sees_the_record_and_no_button(
    as_viewer: Client, sender: Sender
) -> None:
    key = make_dkim_key(sender.workspace, state="active")

    page = text_of(as_viewer)

    assert key.record in page
    assert not any(f"/{verb}/" in page for verb in ("check", "retire", "import"))


def test_a_domain_that_nobody_writes_from_has_no_page(as_owner: Client) -> None:
    """SEC-01"""
    assert as_owner.get("/senders/domains/other.example/").status_code == 404


def test_a_domain_below_says_whose_key_signs(
    as_owner: Client, workspace: Workspace
) -> None:
    make_sender(workspace, from_email="a@mail.lavka.example")
    make_dkim_key(workspace, state="active")

    page = text_of(as_owner, "/senders/domains/mail.lavka.example/")

    assert "lavka.example." in page
    assert "/generate/" in page


def test_after_the_last_key_of_a_forgotten_domain_one_is_at_the_senders(
    as_owner: Client, workspace: Workspace
) -> None:
    key = make_dkim_key(workspace, domain="old.example")

    page = as_owner.post(f"/senders/keys/{key.pk}/delete/")

    assert page["Location"] == "/senders/"


def test_a_pause_for_a_wrong_record_leads_to_the_domain(workspace: Workspace) -> None:
    """DKIM-07"""
    run = Run(
        workspace=workspace,
        relay=make_relay(workspace),
        from_email="news@lavka.example",
        pause_code="dkim_mismatch",
        pause_text="s1._domainkey.lavka.example",
    )

    pause = pause_of(run)

    assert (pause.domain_url, pause.relay_url) == (PAGE, "")
    assert str(pause.title) != "dkim_mismatch"
