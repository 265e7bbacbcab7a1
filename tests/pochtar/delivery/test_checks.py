"""Test letters and checks: what a person waits for."""

from __future__ import annotations

from typing import Any

import pytest

from mailcore.smtp.sink import Script, Step, sink_in_thread
from pochtar.accounts.models import User, Workspace
from pochtar.base.errors import InvalidInput, NotAllowed, PochtarError
from pochtar.delivery.checks import TestLetter, check_connection, send_test
from pochtar.delivery.models import Attempt, Relay
from pochtar.delivery.routes import route_of, sealed_password, system_route
from tests.make import make_message, make_relay, make_sender

pytestmark = pytest.mark.django_db
VALUES = {"email": "me@example.com", "full_name": "Я"}


def send(workspace: Workspace, owner: User, port: int, **over: Any) -> TestLetter:
    relay = over.pop("relay", None) or make_relay(workspace, port=port)
    content = over.pop("message", {})
    fields = {"to": "me@example.com", "name": "Я", "values": VALUES, **over}
    return send_test(
        make_message(workspace, **content),
        sender=make_sender(workspace, relay=relay),
        by=owner,
        **fields,
    )


def test_a_test_letter_arrives_and_is_no_attempt(
    workspace: Workspace, owner: User
) -> None:
    with sink_in_thread() as sink:
        sent = send(workspace, owner, sink.port)

    assert sent.accepted
    assert sent.reply.startswith("250 2.0.0 Ok: queued")
    assert sink.accepted[0].rcpt_to == "me@example.com"
    assert str(sent.verdict)
    assert not Attempt.objects.exists()


def test_a_refused_test_letter_shows_the_servers_words(
    workspace: Workspace, owner: User
) -> None:
    script = Script(steps={"rcpt": Step("550 5.1.1 no such user")})
    with sink_in_thread(script) as sink:
        sent = send(workspace, owner, sink.port)

    assert (sent.accepted, sent.reply) == (False, "550 5.1.1 no such user")
    assert sent.verdict == "550 5.1.1 no such user"


def test_a_server_that_is_down_is_said_in_words(
    workspace: Workspace, owner: User
) -> None:
    with sink_in_thread() as sink:
        port = sink.port
    sent = send(workspace, owner, port)

    assert (sent.accepted, sent.code) == (False, "connect_refused")
    assert sent.verdict != "connect_refused"


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"to": "nobody"}, "test_address"),
        ({"message": {"subject": "{{ city }}"}}, "missing_data"),
        ({"message": {"subject": "{{ city"}}, "template_error"),
        ({"name": "x\r\ny"}, "bad_header"),
    ],
)
def test_a_letter_that_cannot_be_written_says_why(
    workspace: Workspace, owner: User, over: dict[str, Any], code: str
) -> None:
    with pytest.raises(PochtarError) as caught:
        send(workspace, owner, 25, **over)

    assert caught.value.code == code
    assert str(caught.value)
    assert isinstance(caught.value, InvalidInput) == (code == "test_address")


def test_a_viewer_sends_no_test_letter(workspace: Workspace, viewer: User) -> None:
    with pytest.raises(NotAllowed):
        send(workspace, viewer, 25)


def locked(workspace: Workspace) -> Relay:
    """A relay whose password was sealed for another row."""
    relay = make_relay(workspace, username="lavka")
    relay.password_sealed = sealed_password(make_relay(workspace), "s3cret")
    relay.save()
    return relay


def test_a_password_of_another_row_does_not_open(
    workspace: Workspace, owner: User
) -> None:
    """SEC-23"""
    relay = locked(workspace)

    assert check_connection(relay, by=owner).code == "password_unreadable"
    assert send(workspace, owner, 25, relay=relay).code == "password_unreadable"


def test_a_private_network_is_closed_where_the_operator_says_so(
    workspace: Workspace, owner: User, settings: Any
) -> None:
    """SEC-08: the address that the name has now is looked at, not the name."""
    settings.ALLOW_PRIVATE_RELAYS = False
    with sink_in_thread() as sink:
        relay = make_relay(workspace, host="localhost", port=sink.port)
        check = check_connection(relay, by=owner)

    assert (check.ok, check.code, sink.connections) == (False, "private_address", 0)


def test_the_sandbox_is_reached_by_the_workspaces_own_login(
    workspace: Workspace, settings: Any
) -> None:
    settings.SANDBOX_HOST, settings.SANDBOX_PORT = "127.0.0.9", 8099
    relay = make_relay(workspace, kind="sandbox", host="")

    route = route_of(relay)

    assert (route.host, route.port) == ("127.0.0.9", 8099)
    assert route.username.endswith(workspace.pk.hex)
    assert route.password
    assert system_route().username == "system"


def test_the_operators_relay_is_read_from_its_address(settings: Any) -> None:
    settings.SYSTEM_SMTP_URL = "smtp://us%40er:p%2Fw@mail.example:465?tls=implicit"
    route = system_route()
    assert (route.host, route.port, route.tls) == ("mail.example", 465, "implicit")
    assert (route.username, route.password) == ("us@er", "p/w")

    settings.SYSTEM_SMTP_URL = "smtp://mail.example"
    route = system_route()
    assert (route.port, route.tls, route.username) == (587, "starttls", "")
