"""The pages of SMTP servers and senders."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from mailcore.smtp.sink import Script, Step, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery.models import Relay, RelayKind, Sender
from pochtar.delivery.relays import sandbox_relay
from pochtar.delivery.routes import open_password, sealed_password
from tests.make import make_mailing, make_relay, make_sender

pytestmark = pytest.mark.django_db


def relay_form(**over: Any) -> dict[str, Any]:
    return {
        "name": "Почта компании",
        "host": "smtp.example.com",
        "port": "587",
        "tls": "starttls",
        "username": "lavka",
        "password": "s3cret-пароль",
        **over,
    }


def test_a_manager_adds_an_smtp_server_and_sees_its_page(
    as_manager: Client, workspace: Workspace
) -> None:
    response = as_manager.post("/relays/add/", relay_form(), follow=True)

    relay = Relay.objects.get(kind=RelayKind.SMTP)
    assert response.redirect_chain[-1][0] == f"/relays/{relay.pk}/"
    assert relay.workspace == workspace
    assert open_password(relay) == "s3cret-пароль"


def test_the_password_is_never_shown(as_owner: Client, workspace: Workspace) -> None:
    """SEC-23"""
    as_owner.post("/relays/add/", relay_form())
    relay = Relay.objects.get(kind=RelayKind.SMTP)

    for url in ("/relays/", f"/relays/{relay.pk}/", f"/relays/{relay.pk}/edit/"):
        page = as_owner.get(url).content.decode()
        assert "s3cret" not in page
        assert relay.password_sealed not in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 121),
        ("host", ""),
        ("host", "https://smtp.example.com"),
        ("host", "smtp.example.com:25"),
        ("host", "two words"),
        ("host", "1.2.3"),
        ("host", "-x.example"),
        ("host", "x" * 10_000_000),
        ("port", "0"),
        ("port", "65536"),
        ("port", "smtp"),
        ("port", ""),
        ("tls", "maybe"),
        ("tls", "none"),  # with a login, over a network
    ],
)
def test_a_bad_value_is_a_field_error_and_what_was_typed_stays(
    as_owner: Client, field: str, value: str
) -> None:
    response = as_owner.post("/relays/add/", relay_form(**{field: value}))

    assert response.status_code == 422
    form = response.context["form"]
    assert list(form.errors) == [field]
    assert form["host"].value() == relay_form(**{field: value})["host"]
    assert not Relay.objects.filter(kind=RelayKind.SMTP).exists()


def test_a_host_in_cyrillic_and_an_address_are_taken(as_owner: Client) -> None:
    as_owner.post("/relays/add/", relay_form(name="a", host=" почта.рф. "))
    as_owner.post("/relays/add/", relay_form(name="b", host="[::1]", tls="none"))

    hosts = Relay.objects.filter(kind=RelayKind.SMTP).order_by("name")
    assert [relay.host for relay in hosts] == ["xn--80a1acny.xn--p1ai", "::1"]


def test_a_private_address_is_refused_where_the_operator_says_so(
    as_owner: Client, settings: Any
) -> None:
    """SEC-08"""
    settings.ALLOW_PRIVATE_RELAYS = False

    response = as_owner.post("/relays/add/", relay_form(host="10.0.0.5"))

    assert list(response.context["form"].errors) == ["host"]


def test_a_name_can_be_given_once(as_owner: Client) -> None:
    as_owner.post("/relays/add/", relay_form())
    response = as_owner.post("/relays/add/", relay_form())

    assert list(response.context["form"].errors) == ["name"]


def test_an_empty_password_keeps_the_stored_one(
    as_owner: Client, workspace: Workspace
) -> None:
    as_owner.post("/relays/add/", relay_form())
    relay = Relay.objects.get(kind=RelayKind.SMTP)
    url = f"/relays/{relay.pk}/edit/"

    response = as_owner.post(url, relay_form(password="", port="465", tls="implicit"))

    relay.refresh_from_db()
    assert response.status_code == 302
    assert (relay.port, open_password(relay)) == (465, "s3cret-пароль")


@pytest.mark.parametrize("change", [{"host": "evil.example"}, {"username": "other"}])
def test_a_stored_password_does_not_follow_to_another_host_or_login(
    as_owner: Client, change: dict[str, str]
) -> None:
    """SEC-23: nobody can have it sent to a server of their own."""
    as_owner.post("/relays/add/", relay_form())
    relay = Relay.objects.get(kind=RelayKind.SMTP)

    url = f"/relays/{relay.pk}/edit/"
    response = as_owner.post(url, relay_form(password="", **change))

    assert list(response.context["form"].errors) == ["password"]
    relay.refresh_from_db()
    assert relay.host == "smtp.example.com"


def test_without_a_login_the_password_goes(as_owner: Client) -> None:
    as_owner.post("/relays/add/", relay_form())
    relay = Relay.objects.get(kind=RelayKind.SMTP)

    as_owner.post(f"/relays/{relay.pk}/edit/", relay_form(username="", password=""))

    relay.refresh_from_db()
    assert (relay.username, relay.password_sealed) == ("", "")


def test_the_sandbox_is_there_once_and_nobody_changes_it(
    as_owner: Client, workspace: Workspace
) -> None:
    as_owner.get("/relays/")
    as_owner.get("/relays/")
    sandbox = Relay.objects.get(workspace=workspace, kind=RelayKind.SANDBOX)
    url = f"/relays/{sandbox.pk}/"

    for action in ("edit/", "delete/"):
        assert as_owner.get(url + action).headers["Location"] == url
    as_owner.post(url + "delete/")
    as_owner.post(url + "edit/", relay_form())

    sandbox.refresh_from_db()
    assert sandbox.host == ""
    assert "edit/" not in as_owner.get(url).content.decode()


def test_the_check_shows_the_dialogue_without_the_password(
    as_owner: Client, workspace: Workspace
) -> None:
    script = Script(users={"lavka": "s3cret"})
    with sink_in_thread(script) as sink:
        relay = make_relay(workspace, port=sink.port, username="lavka")
        relay.password_sealed = sealed_password(relay, "s3cret")
        relay.save()
        page = as_owner.post(f"/relays/{relay.pk}/check/").content.decode()

    assert "← 220 sink.example ESMTP" in page
    assert "→ AUTH PLAIN ***" in page
    assert "→ QUIT" in page
    assert "s3cret" not in page
    relay.refresh_from_db()
    assert (relay.check_ok, relay.check_text) == (True, "")


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (Script(users={"lavka": "other"}), "auth_refused"),
        (Script(steps={"banner": Step("554 5.7.1 go away")}), "refused"),
        (Script(steps={"banner": Step("<html>")}), "protocol"),
    ],
)
def test_a_failed_check_says_why_and_stays_with_the_server(
    as_owner: Client, workspace: Workspace, script: Script, code: str
) -> None:
    with sink_in_thread(script) as sink:
        relay = make_relay(workspace, port=sink.port, username="lavka")
        relay.password_sealed = sealed_password(relay, "s3cret")
        relay.save()
        response = as_owner.post(f"/relays/{relay.pk}/check/")

    relay.refresh_from_db()
    assert (relay.check_ok, relay.check_text) == (False, code)
    assert response.context["check"].verdict != code
    later = as_owner.get(f"/relays/{relay.pk}/").content.decode()
    assert str(response.context["check"].verdict) in later


def test_a_server_that_is_used_is_not_deleted(
    as_owner: Client, workspace: Workspace
) -> None:
    used = make_sender(workspace).relay
    free = make_relay(workspace)

    as_owner.post(f"/relays/{used.pk}/delete/")
    as_owner.post(f"/relays/{free.pk}/delete/")

    assert list(Relay.objects.filter(kind=RelayKind.SMTP)) == [used]


def sender_form(workspace: Workspace, **over: Any) -> dict[str, Any]:
    return {
        "from_name": "Лавка",
        "from_email": "news@lavka.example",
        "reply_to": "",
        "relay": sandbox_relay(workspace).pk,
        **over,
    }


def test_a_manager_adds_changes_and_deletes_a_sender(
    as_manager: Client, workspace: Workspace
) -> None:
    as_manager.post("/senders/add/", sender_form(workspace))
    sender = Sender.objects.get()
    url = f"/senders/{sender.pk}/"
    as_manager.post(url, sender_form(workspace, reply_to="shop@lavka.example"))
    sender.refresh_from_db()
    assert (sender.workspace, sender.reply_to) == (workspace, "shop@lavka.example")
    assert "shop@lavka.example" in as_manager.get("/senders/").content.decode()

    as_manager.post(f"{url}delete/")
    assert not Sender.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("from_email", ""),
        ("from_email", "no address"),
        ("from_email", "лавка@example.com"),
        ("from_email", "a@b.example\nBcc: c@d.example"),
        ("reply_to", "nobody"),
        ("from_name", "x" * 121),
        ("from_name", "Лавка\u2028Bcc"),
        ("relay", "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_a_sender_that_cannot_be_is_a_field_error(
    as_owner: Client, workspace: Workspace, field: str, value: str
) -> None:
    """MSG-20"""
    response = as_owner.post("/senders/add/", sender_form(workspace, **{field: value}))

    assert (response.status_code, Sender.objects.count()) == (422, 0)
    assert list(response.context["form"].errors) == [field]


def test_another_workspaces_server_cannot_be_chosen(
    as_owner: Client, as_stranger: Client, workspace: Workspace
) -> None:
    """SEC-01"""
    foreign = make_relay(Workspace.objects.exclude(pk=workspace.pk).get())

    response = as_owner.post("/senders/add/", sender_form(workspace, relay=foreign.pk))

    assert list(response.context["form"].errors) == ["relay"]


def test_a_sender_with_mailings_is_not_deleted(
    as_owner: Client, workspace: Workspace
) -> None:
    sender = make_mailing(workspace).sender
    assert sender

    response = as_owner.post(f"/senders/{sender.pk}/delete/", follow=True)

    assert Sender.objects.filter(pk=sender.pk).exists()
    assert response.redirect_chain[-1][0] == f"/senders/{sender.pk}/"


def test_an_empty_workspace_is_told_what_to_do_next(as_owner: Client) -> None:
    assert "/senders/add/" in as_owner.get("/senders/").content.decode()
    assert "/relays/add/" in as_owner.get("/relays/").content.decode()


def test_a_viewer_looks_and_does_not_touch(
    as_viewer: Client, workspace: Workspace
) -> None:
    sender = make_sender(workspace)

    for url in ("/relays/", f"/relays/{sender.relay.pk}/", "/senders/"):
        page = as_viewer.get(url).content.decode()
        assert not any(word in page for word in ("/add/", "/edit/", "/check/"))
    assert as_viewer.post(f"/relays/{sender.relay.pk}/check/").status_code == 403
