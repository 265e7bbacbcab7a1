"""The pages of an SMTP server that is logged in to with OAuth 2."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import trustme
from django.test import Client
from django.urls import reverse
from django.utils import translation

from mailcore.smtp.sink import Script, sink_in_thread
from pochtar.delivery.models import Relay, RelayKind, RelayOAuth
from pochtar.delivery.oauth import open_secret
from pochtar.delivery.presets import PRESETS
from pochtar.delivery.words import TOKEN_TROUBLES
from tests.tokenserver import TokenServer, given, refused, token_server
from tests.web.test_relays import relay_form

pytestmark = pytest.mark.django_db
MAILBOX = "news@lavka.example"
SECRETS = ("app-s3cret-word", "refresh-t0ken", "access-t0ken")
CLIENT_SECRET, REFRESH, ACCESS = SECRETS


def oauth_form(**over: Any) -> dict[str, Any]:
    return relay_form(
        **{
            "username": MAILBOX,
            "password": "",
            "login_with": "oauth",
            "oauth_url": "https://oauth.example.com/token",
            "client_id": "app-1",
            "client_secret": CLIENT_SECRET,
            "refresh_token": REFRESH,
            "scope": "mail.send",
            **over,
        }
    )


def added(client: Client, **over: Any) -> Relay:
    assert client.post("/relays/add/", oauth_form(**over)).status_code == 302
    found: Relay = Relay.objects.get(kind=RelayKind.SMTP)
    return found


def test_a_manager_adds_a_server_with_oauth_and_sees_what_is_set(
    as_manager: Client,
) -> None:
    """SMTP-03"""
    relay = added(as_manager)

    row = RelayOAuth.objects.get(relay=relay)
    assert (row.oauth_url, row.scope) == (oauth_form()["oauth_url"], "mail.send")
    assert open_secret(row, "client_secret") == CLIENT_SECRET
    assert open_secret(row, "refresh_token") == REFRESH
    page = as_manager.get(f"/relays/{relay.pk}/").content.decode()
    assert "https://oauth.example.com/token" in page
    assert "app-1" in page


def test_no_secret_of_oauth_is_ever_shown(as_owner: Client) -> None:
    """SEC-23"""
    relay = added(as_owner)
    row = RelayOAuth.objects.get(relay=relay)

    for url in ("/relays/", f"/relays/{relay.pk}/", f"/relays/{relay.pk}/edit/"):
        page = as_owner.get(url).content.decode()
        hidden = (*SECRETS, row.client_secret_sealed, row.refresh_token_sealed)
        assert not any(secret in page for secret in hidden)


def test_all_that_is_missing_is_marked_at_once(as_owner: Client) -> None:
    empty = dict.fromkeys(("username", "oauth_url", "client_id", "refresh_token"), "")
    response = as_owner.post("/relays/add/", oauth_form(**empty))

    assert response.status_code == 422
    assert set(response.context["form"].errors) == set(empty)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("oauth_url", "http://oauth.example.com/token"),
        ("client_id", "two words"),
        ("client_secret", "секрет"),
        ("refresh_token", "x" * 10_001),
        ("scope", "a\x01b"),
        ("tls", "none"),
    ],
)
def test_a_bad_value_of_oauth_is_a_field_error(
    as_owner: Client, field: str, value: str
) -> None:
    response = as_owner.post("/relays/add/", oauth_form(**{field: value}))

    assert (response.status_code, Relay.objects.filter(kind="smtp").count()) == (422, 0)
    assert list(response.context["form"].errors) == [field]


def test_what_oauth_needs_does_not_matter_to_a_password(as_owner: Client) -> None:
    rubbish = {"oauth_url": "rubbish", "client_id": "", "scope": "\x01"}
    form = relay_form(**rubbish, login_with="password")
    assert as_owner.post("/relays/add/", form).status_code == 302
    assert not RelayOAuth.objects.exists()


def test_empty_secrets_keep_the_stored_ones(as_owner: Client) -> None:
    relay = added(as_owner)
    url = f"/relays/{relay.pk}/edit/"
    form = oauth_form(client_secret="", refresh_token="", scope="", port="465")
    assert as_owner.post(url, form).status_code == 302

    row = RelayOAuth.objects.get(relay=relay)
    assert open_secret(row, "refresh_token") == REFRESH
    assert open_secret(row, "client_secret") == CLIENT_SECRET
    assert row.scope == ""


def test_the_stored_permission_does_not_follow_to_another_server(
    as_owner: Client,
) -> None:
    """SEC-23"""
    relay = added(as_owner)
    url = f"/relays/{relay.pk}/edit/"
    response = as_owner.post(url, oauth_form(host="evil.example", refresh_token=""))

    assert list(response.context["form"].errors) == ["refresh_token"]


@pytest.mark.parametrize("key", ["google", "microsoft", "yandex"])
def test_a_preset_fills_the_token_address(as_owner: Client, key: str) -> None:
    """PRV-06"""
    form = as_owner.get(f"/relays/add/?preset={key}").context["form"]

    assert form["oauth_url"].value() == PRESETS[key].oauth_url
    assert form["oauth_url"].value().startswith("https://")
    assert form["login_with"].value() == ("oauth" if key == "microsoft" else "password")


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_check_fetches_a_token_and_says_what_came_of_it(
    as_owner: Client,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
) -> None:
    """SMTP-03: the button works with OAuth 2 as with a password."""
    authority, trusting = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(trusting)
    monkeypatch.setattr("pochtar.delivery.tokens.tls_context", lambda: trusting)
    script = Script(users={MAILBOX: ACCESS}, mechanisms=("XOAUTH2",))
    as_owner.post(reverse("set_language"), {"language": language})
    with token_server(authority) as provider, sink_in_thread(script) as sink:
        relay = added(
            as_owner,
            host="127.0.0.1",
            port=str(sink.port),
            tls="none",
            oauth_url=provider.url,
        )
        good = check(as_owner, relay, provider, given(ACCESS, expires_in=1))
        gone = refused("invalid_grant", "Token has been revoked.")
        bad = check(as_owner, relay, provider, gone)

    assert "→ AUTH XOAUTH2 ***" in good
    assert "invalid_grant: Token has been revoked." in bad
    with translation.override(language):
        assert str(TOKEN_TROUBLES["oauth_withdrawn"]) in bad
    assert not any(secret in good + bad for secret in SECRETS)


def check(client: Client, relay: Relay, provider: TokenServer, answer: Any) -> str:
    provider.answer = answer
    return client.post(f"/relays/{relay.pk}/check/").content.decode()
