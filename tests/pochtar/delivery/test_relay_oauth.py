"""OAuth 2 of an SMTP server as it is entered, and where its secrets may go."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings

from pochtar.accounts.models import User, Workspace
from pochtar.base.errors import InvalidInput
from pochtar.delivery.models import Relay, RelayOAuth, RelayTls
from pochtar.delivery.oauth import (
    OAuthDraft,
    clean_oauth_url,
    open_secret,
    prepare_oauth,
    save_oauth,
    sealed_secret,
)
from pochtar.delivery.relays import RelayDraft, change_relay, create_relay
from pochtar.delivery.routes import open_password

pytestmark = pytest.mark.django_db
MAILBOX = "news@lavka.example"
CLIENT_SECRET, REFRESH = "app-s3cret-word", "refresh-t0ken-one"


def draft(**over: Any) -> OAuthDraft:
    return OAuthDraft(
        **{
            "oauth_url": "https://oauth.example.com/token",
            "client_id": "app",
            "client_secret": CLIENT_SECRET,
            "refresh_token": REFRESH,
            **over,
        }
    )


def server_draft(oauth: OAuthDraft | None, **over: Any) -> RelayDraft:
    return RelayDraft(
        **{
            "name": "Почта",
            "host": "smtp.example.com",
            "port": 587,
            "tls": RelayTls.STARTTLS.value,
            "username": MAILBOX,
            "oauth": oauth,
            **over,
        }
    )


def stored(relay: Relay, name: str) -> str:
    return open_secret(RelayOAuth.objects.get(relay=relay), name)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" https://oauth.example.com/token ", "https://oauth.example.com/token"),
        ("HTTPS://OAuth.Example.com:443", "https://oauth.example.com/"),
        ("https://почта.рф/token?a=b", "https://xn--80a1acny.xn--p1ai/token?a=b"),
        ("https://[2606:4700::1111]/t", "https://[2606:4700::1111]/t"),
        ("https://127.0.0.1:8443/t", "https://127.0.0.1:8443/t"),
    ],
)
def test_a_token_address_is_taken_as_it_is_meant(typed: str, stored: str) -> None:
    assert clean_oauth_url(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "http://oauth.example.com/token",
        "ftp://oauth.example.com/token",
        "oauth.example.com/token",
        "https://",
        "https://a:b/",
        "https://[::1",
        "https://user@oauth.example.com/token",
        "https://oauth.example.com\\@evil.example/token",
        "https://oauth.example.com/to ken",
        "https://oauth.example.com/to\r\nken",
        "https://oauth.example.com/тoken",
        "https://oauth.example.com/token#part",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://oauth.example.com/" + "x" * 500,
    ],
)
def test_what_is_no_https_address_is_refused(typed: str) -> None:
    """SEC-08"""
    with pytest.raises(InvalidInput) as caught:
        clean_oauth_url(typed)

    assert caught.value.field == "oauth_url"


@pytest.mark.parametrize(
    "typed",
    [
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://169.254.169.254/",
        "https://oauth.example.com:8443/",
    ],
)
def test_an_address_inside_is_refused_where_the_operator_says_so(
    typed: str, settings: LazySettings
) -> None:
    """SEC-08"""
    settings.ALLOW_PRIVATE_RELAYS = False

    with pytest.raises(InvalidInput):
        clean_oauth_url(typed)


@pytest.mark.parametrize(
    ("oauth", "server"),
    [
        (draft(oauth_url="https://evil.example/", refresh_token=None), {}),
        (draft(client_id="other", refresh_token=None), {}),
        (draft(refresh_token=None), {"host": "evil.example"}),
        (draft(refresh_token=None), {"username": "other@lavka.example"}),
    ],
)
def test_a_stored_permission_does_not_follow_to_somebody_else(
    workspace: Workspace, owner: User, oauth: OAuthDraft, server: dict[str, str]
) -> None:
    """SEC-23: nobody can have it sent to a server of their own."""
    relay = create_relay(workspace, server_draft(draft()), by=owner)

    with pytest.raises(InvalidInput) as caught:
        change_relay(relay, server_draft(oauth, **server), by=owner)

    assert caught.value.field == "refresh_token"
    assert stored(relay, "refresh_token") == REFRESH


def test_a_client_secret_does_not_follow_to_another_address(
    workspace: Workspace, owner: User
) -> None:
    relay = create_relay(workspace, server_draft(draft()), by=owner)
    moved = draft(oauth_url="https://evil.example/", client_secret=None)
    change_relay(relay, server_draft(moved), by=owner)

    assert stored(relay, "client_secret") == ""


def test_empty_secrets_keep_the_stored_ones_and_forget_the_token(
    workspace: Workspace, owner: User
) -> None:
    relay = create_relay(workspace, server_draft(draft()), by=owner)
    row = relay.oauth
    row.access_token_sealed = sealed_secret(row, "access_token", "an old one")
    row.save()

    kept = draft(client_secret=None, refresh_token=None, scope=" mail.send  offline ")
    change_relay(relay, server_draft(kept, port=465), by=owner)

    row.refresh_from_db()
    assert open_secret(row, "client_secret") == CLIENT_SECRET
    assert open_secret(row, "refresh_token") == REFRESH
    assert (row.access_token_sealed, row.scope) == ("", "mail.send offline")


def test_a_refresh_token_renewed_while_the_form_was_saved_is_not_lost(
    workspace: Workspace, owner: User
) -> None:
    """SEC-23: where each one counts once, the old one would be worth nothing."""
    relay = create_relay(workspace, server_draft(draft()), by=owner)
    row = prepare_oauth(relay, draft(refresh_token=None, scope="new"), moved=False)
    renewed = sealed_secret(row, "refresh_token", "refresh-two")
    RelayOAuth.objects.update(refresh_token_sealed=renewed)

    save_oauth(row, draft(refresh_token=None))

    assert stored(relay, "refresh_token") == "refresh-two"
    assert RelayOAuth.objects.get().scope == "new"


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"oauth_url": "http://oauth.example.com/"}, "oauth_url"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "x" * 301}, "client_id"),
        ({"client_secret": "two words"}, "client_secret"),
        ({"refresh_token": None}, "refresh_token"),
        ({"refresh_token": ""}, "refresh_token"),
        ({"refresh_token": "тoken"}, "refresh_token"),
        ({"refresh_token": "x" * 10_001}, "refresh_token"),
        ({"scope": "mail\x01send"}, "scope"),
        ({"scope": "x" * 501}, "scope"),
    ],
)
def test_a_value_that_cannot_be_is_named(
    workspace: Workspace, owner: User, over: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_relay(workspace, server_draft(draft(**over)), by=owner)

    assert caught.value.field == field
    assert not Relay.objects.exists()


def test_oauth_wants_a_mailbox_and_protection(
    workspace: Workspace, owner: User
) -> None:
    """SMTP-02"""
    for over, field in (({"username": " "}, "username"), ({"tls": "none"}, "tls")):
        with pytest.raises(InvalidInput) as caught:
            create_relay(workspace, server_draft(draft(), **over), by=owner)
        assert caught.value.field == field


def test_from_password_to_oauth_and_back(workspace: Workspace, owner: User) -> None:
    relay = create_relay(workspace, server_draft(None, password="word"), by=owner)
    change_relay(relay, server_draft(draft()), by=owner)
    assert (relay.password_sealed, stored(relay, "refresh_token")) == ("", REFRESH)

    change_relay(relay, server_draft(None, password="word"), by=owner)
    assert open_password(relay) == "word"
    assert not RelayOAuth.objects.exists()
