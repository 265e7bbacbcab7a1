"""SMTP servers that are logged in to with OAuth 2 (SMTP-03, SEC-08, SEC-23)."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import pytest
import time_machine
import trustme
from django.conf import LazySettings
from django.utils import timezone

from mailcore.oauth import Token
from mailcore.smtp.sink import Script, Sink, sink_in_thread
from pochtar.accounts.models import User, Workspace
from pochtar.base.secrets import SecretError
from pochtar.delivery import tokens
from pochtar.delivery.checks import ConnectionCheck, check_connection, send_test
from pochtar.delivery.driver import drive_run
from pochtar.delivery.ledger import count_states
from pochtar.delivery.models import Relay, RelayOAuth, RunStatus
from pochtar.delivery.oauth import (
    open_secret,
    sealed_secret,
)
from pochtar.delivery.reasons import pause_title
from pochtar.delivery.tokens import Errand
from pochtar.delivery.words import TOKEN_TROUBLES
from tests.make import make_message, make_relay, make_sender
from tests.pochtar.delivery.launching import launch_over, make_people
from tests.tokenserver import TokenServer, given, refused, token_server

pytestmark = pytest.mark.django_db
MAILBOX = "news@lavka.example"
SECRETS = ("app-s3cret-word", "refresh-t0ken-one", "access-t0ken-one")
CLIENT_SECRET, REFRESH, ACCESS = SECRETS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def provider(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TokenServer]:
    """A token server that gives ACCESS, and whose certificate is believed."""
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    monkeypatch.setattr("pochtar.delivery.tokens.tls_context", lambda: trusting)
    with token_server(authority) as server:
        server.answer = given(ACCESS)
        yield server


@pytest.fixture
def users() -> dict[str, str]:
    """Whom the SMTP server lets in, with which token."""
    return {MAILBOX: ACCESS}


@pytest.fixture
def sink(users: dict[str, str]) -> Iterator[Sink]:
    with sink_in_thread(Script(users=users, mechanisms=("XOAUTH2",))) as server:
        yield server


@pytest.fixture
def relay(workspace: Workspace, provider: TokenServer, sink: Sink) -> Relay:
    return make_oauth_relay(workspace, provider, sink)


def make_oauth_relay(
    workspace: Workspace, provider: TokenServer, sink: Sink, **over: Any
) -> Relay:
    relay = make_relay(workspace, port=sink.port, username=MAILBOX)
    row = RelayOAuth(
        relay=relay, **{"oauth_url": provider.url, "client_id": "app", **over}
    )
    row.client_secret_sealed = sealed_secret(row, "client_secret", CLIENT_SECRET)
    row.refresh_token_sealed = sealed_secret(row, "refresh_token", REFRESH)
    row.save()
    return relay


def stored(relay: Relay, name: str) -> str:
    return open_secret(RelayOAuth.objects.get(relay=relay), name)


# Sending --------------------------------------------------------------------------------
def test_letters_go_over_connections_opened_with_one_access_token(
    workspace: Workspace, relay: Relay, provider: TokenServer, sink: Sink
) -> None:
    """SMTP-03: one token is fetched, whatever the number of connections."""
    relay.messages_per_connection = 4
    relay.save()
    make_people(workspace, 30)

    run = drive_run(launch_over(workspace, relay, shares=(1,)))

    assert (run.status, count_states(run).accepted) == (RunStatus.COMPLETED, 30)
    assert {letter.user for letter in sink.accepted} == {MAILBOX}
    assert sink.connections > 2
    assert provider.asked == [
        {
            "grant_type": "refresh_token",
            "refresh_token": REFRESH,
            "client_id": "app",
            "client_secret": CLIENT_SECRET,
        }
    ]


def test_a_token_that_the_server_refuses_is_fetched_anew_once(
    workspace: Workspace,
    relay: Relay,
    provider: TokenServer,
    sink: Sink,
    owner: User,
    users: dict[str, str],
) -> None:
    """SMTP-03"""
    assert check_connection(relay, by=owner).ok
    users[MAILBOX] = "access-two"
    provider.answer = given("access-two")
    make_people(workspace, 3)

    with time_machine.travel(timezone.now() + dt.timedelta(minutes=5)):
        run = drive_run(launch_over(workspace, relay, shares=(1,)))

    assert run.status == RunStatus.COMPLETED
    assert len(provider.asked) == 2


def test_a_fresh_token_that_is_refused_pauses_the_run_with_the_servers_complaint(
    workspace: Workspace, relay: Relay, provider: TokenServer, users: dict[str, str]
) -> None:
    users[MAILBOX] = "somebody else's"
    make_people(workspace, 3)

    run = drive_run(launch_over(workspace, relay, shares=(1,)))

    assert (run.status, run.pause_code) == (RunStatus.PAUSED, "token_refused")
    assert "535" in run.pause_text
    assert "401" in run.pause_text
    assert len(provider.asked) == 1
    assert count_states(run).accepted == 0


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (refused("invalid_grant", "Token has been revoked."), "oauth_withdrawn"),
        (refused("invalid_client", status=401), "oauth_client"),
        (refused("invalid_scope"), "oauth_scope"),
        (refused("invalid_request"), "oauth_refused"),
        (refused("temporarily_unavailable", status=503), "oauth_deferred"),
        ((302, {}), "oauth_answer"),
        ((200, {"nothing": "of use"}), "oauth_answer"),
    ],
)
def test_a_token_server_that_gives_none_pauses_the_run_and_says_why(
    workspace: Workspace, relay: Relay, provider: TokenServer, answer: Any, code: str
) -> None:
    """SMTP-03, SMTP-17: not one recipient is blamed."""
    provider.answer = answer
    make_people(workspace, 3)

    run = drive_run(launch_over(workspace, relay, shares=(1,)))

    assert (run.status, run.pause_code) == (RunStatus.PAUSED, code)
    assert pause_title(code) == TOKEN_TROUBLES[code]
    assert "localhost" in run.pause_text
    assert count_states(run).failed == 0


def test_a_withdrawn_permission_sets_the_server_aside_for_another_one(
    workspace: Workspace, relay: Relay, provider: TokenServer, users: dict[str, str]
) -> None:
    """SMTP-15"""
    provider.answer = refused("invalid_grant")
    make_people(workspace, 3)
    with sink_in_thread() as other:
        spare = make_relay(workspace, port=other.port)
        run = drive_run(launch_over(workspace, relay, spare, shares=(1, 0)))

    relay.refresh_from_db()
    assert (run.status, len(other.accepted)) == (RunStatus.COMPLETED, 3)
    assert relay.down_code == "oauth_withdrawn"


# The token ------------------------------------------------------------------------------
def check_at(relay: Relay, by: User, minutes: float) -> ConnectionCheck:
    moment = timezone.now() + dt.timedelta(minutes=minutes)
    with time_machine.travel(moment):
        return check_connection(relay, by=by)


def test_a_token_is_kept_until_a_minute_before_it_runs_out(
    relay: Relay, provider: TokenServer, owner: User
) -> None:
    for minutes, fetched in ((0, 1), (58, 1), (59.5, 2)):
        assert check_at(relay, owner, minutes).ok
        assert len(provider.asked) == fetched


def test_a_new_refresh_token_replaces_the_old_one(
    relay: Relay, provider: TokenServer, owner: User
) -> None:
    """SEC-23"""
    provider.answer = given(ACCESS, refresh_token="refresh-two", expires_in=30)
    check_connection(relay, by=owner)
    check_connection(relay, by=owner)

    assert stored(relay, "refresh_token") == "refresh-two"
    assert [asked["refresh_token"] for asked in provider.asked] == [
        REFRESH,
        "refresh-two",
    ]


def test_a_scope_is_sent_along_where_one_is_set(
    workspace: Workspace, provider: TokenServer, sink: Sink, owner: User
) -> None:
    relay = make_oauth_relay(workspace, provider, sink, scope="mail.send offline")
    check_connection(relay, by=owner)

    assert provider.asked[0]["scope"] == "mail.send offline"


def test_who_is_already_fetching_is_waited_for(
    relay: Relay, provider: TokenServer, owner: User
) -> None:
    """Two at once could lose a permission whose refresh tokens count once."""
    soon = timezone.now() + dt.timedelta(seconds=0.5)
    RelayOAuth.objects.update(fetching_until=soon)

    assert check_connection(relay, by=owner).ok
    assert timezone.now() > soon


def test_one_that_failed_does_not_keep_the_next_one_waiting(
    relay: Relay, provider: TokenServer, owner: User
) -> None:
    provider.answer = refused("server_error", status=500)
    check_connection(relay, by=owner)
    provider.answer = given(ACCESS)
    started = timezone.now()

    assert check_connection(relay, by=owner).ok
    assert timezone.now() - started < dt.timedelta(seconds=5)


def test_secrets_entered_while_a_token_is_fetched_win(
    relay: Relay, provider: TokenServer, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def type_first(relay_id: UUID, errand: Errand, token: Token) -> bool:
        if errand.client.refresh_token == REFRESH:
            row = RelayOAuth.objects.select_related("relay").get(relay=relay_id)
            row.refresh_token_sealed = sealed_secret(row, "refresh_token", "typed")
            row.fetching_until = None
            row.save()
        return store(relay_id, errand, token)

    store = tokens._store
    monkeypatch.setattr(tokens, "_store", type_first)
    provider.choose = lambda asked: given(
        ACCESS, refresh_token=f"after {asked['refresh_token']}".replace(" ", "-")
    )

    assert check_connection(relay, by=owner).ok
    assert stored(relay, "refresh_token") == "after-typed"


def test_a_permission_deleted_while_a_token_is_fetched_is_not_used(
    relay: Relay, provider: TokenServer, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_first(relay_id: UUID, errand: Errand, token: Token) -> bool:
        RelayOAuth.objects.filter(relay=relay_id).delete()
        return store(relay_id, errand, token)

    store = tokens._store
    monkeypatch.setattr(tokens, "_store", delete_first)

    assert check_connection(relay, by=owner).code == "login_wanted"


# What is shown, and what is kept ----------------------------------------------------------
def test_the_dialogue_and_the_errors_hold_no_secret(
    relay: Relay, provider: TokenServer, owner: User, users: dict[str, str]
) -> None:
    """SEC-23: not if the token server says it back, either."""
    good = check_connection(relay, by=owner)
    provider.answer = refused("invalid_grant", f"{REFRESH} of {CLIENT_SECRET} is gone")
    RelayOAuth.objects.update(access_until=None)
    bad = check_connection(relay, by=owner)

    shown = "\n".join(line.text for line in (*good.lines, *bad.lines)) + bad.detail
    assert "AUTH XOAUTH2 ***" in shown
    assert "*** of *** is gone" in bad.detail
    assert not any(secret in shown for secret in SECRETS)
    assert (bad.code, relay.check_text) == ("oauth_withdrawn", "oauth_withdrawn")


def test_a_test_letter_goes_over_it_too(
    workspace: Workspace, relay: Relay, owner: User, sink: Sink
) -> None:
    sent = send_test(
        make_message(workspace),
        sender=make_sender(workspace, relay=relay),
        to="me@example.com",
        values={"full_name": "Я"},
        by=owner,
    )

    assert sent.accepted
    assert sink.accepted[0].user == MAILBOX


def test_the_secrets_are_stored_sealed_and_only_for_their_row(
    workspace: Workspace, relay: Relay, owner: User, provider: TokenServer, sink: Sink
) -> None:
    """SEC-23"""
    check_connection(relay, by=owner)
    row = RelayOAuth.objects.select_related("relay").get(relay=relay)
    other = make_oauth_relay(workspace, provider, sink).oauth

    assert not any(secret in str(vars(row)) for secret in SECRETS)
    other.refresh_token_sealed = row.refresh_token_sealed
    row.client_secret_sealed = row.refresh_token_sealed
    for swapped, name in ((other, "refresh_token"), (row, "client_secret")):
        with pytest.raises(SecretError):
            open_secret(swapped, name)


def test_secrets_that_do_not_open_any_more_are_said(
    relay: Relay, owner: User, provider: TokenServer
) -> None:
    RelayOAuth.objects.update(refresh_token_sealed="v1:AAAA")
    check = check_connection(relay, by=owner)

    assert (check.code, provider.asked) == ("oauth_unreadable", [])


# Where secrets may go ---------------------------------------------------------------------
def test_a_token_address_in_a_private_network_gets_no_secret(
    relay: Relay, provider: TokenServer, owner: User, settings: LazySettings
) -> None:
    """SEC-08"""
    with ExitStack() as stack:
        # The SMTP server stands on this machine: only the token address is judged.
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("pochtar.delivery.routes.refuse_private", lambda address: None)
        settings.ALLOW_PRIVATE_RELAYS = False
        check = check_connection(relay, by=owner)

    assert (check.code, provider.asked) == ("oauth_private", [])


def test_a_token_address_that_cannot_be_trusted_gets_no_secret(
    relay: Relay, owner: User, provider: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pochtar.delivery.tokens.tls_context", ssl.create_default_context
    )
    check = check_connection(relay, by=owner)

    assert (check.code, provider.asked) == ("oauth_tls", [])
