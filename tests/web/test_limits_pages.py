"""The pages of limits: of an SMTP server, of providers, and a sender's servers."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time

import pytest
from django.test import Client
from django.utils import timezone

from mailcore.engine.manners import Manners
from pochtar.accounts.models import AuditEntry, Workspace
from pochtar.delivery.models import ProviderRule, ProviderState, Relay, RelayQuota
from pochtar.delivery.presets import PRESETS
from pochtar.delivery.relays import sandbox_relay
from tests.make import make_relay, make_sender
from tests.web.test_relays import relay_form

pytestmark = pytest.mark.django_db


def test_limits_are_set_shown_and_taken_away(
    as_manager: Client, workspace: Workspace
) -> None:
    """PRV-03, PRV-04"""
    limits = {
        "per_second": "5",
        "per_day": "500",
        "max_connections": "2",
        "warmup_started_on": timezone.localdate().isoformat(),
        "warmup_plan": "50, 100; 250",
    }
    as_manager.post("/relays/add/", relay_form(**limits))

    relay = Relay.objects.get(host="smtp.example.com")
    assert (relay.per_second, relay.per_minute, relay.per_day) == (5, None, 500)
    assert (relay.max_connections, relay.messages_per_connection) == (2, 100)
    assert relay.warmup_plan == [50, 100, 250]
    page = as_manager.get(f"/relays/{relay.pk}/").content.decode()
    assert "500" in page
    assert "50" in page

    as_manager.post(f"/relays/{relay.pk}/edit/", relay_form(password=""))
    relay.refresh_from_db()
    assert (relay.per_second, relay.per_day, relay.warmup_started_on) == (
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("per_second", "0"),
        ("per_day", "-1"),
        ("per_hour", "many"),
        ("per_minute", "99999999999"),
        ("max_connections", "1000"),
        ("warmup_started_on", "soon"),
        ("warmup_plan", "50, x"),
        ("warmup_plan", "0, 100"),
        ("warmup_plan", ", ".join(["9"] * 61)),
    ],
)
def test_a_wrong_limit_is_said_at_its_field(
    as_manager: Client, workspace: Workspace, field: str, value: str
) -> None:
    response = as_manager.post("/relays/add/", relay_form(**{field: value}))

    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert "open" in response.content.decode().partition('class="disclosure field"')[2]


@pytest.mark.parametrize("key", PRESETS)
def test_a_preset_fills_the_form_in(as_manager: Client, key: str) -> None:
    """PRV-06: without JavaScript."""
    preset = PRESETS[key]

    form = as_manager.get(f"/relays/add/?preset={key}").context["form"]

    assert form["host"].value() == preset.host
    assert form["port"].value() == preset.port
    assert form["tls"].value() == preset.tls
    assert form["per_day"].value() == preset.limits.per_day


def test_an_unknown_preset_is_an_empty_form(as_manager: Client) -> None:
    assert (
        as_manager.get("/relays/add/?preset=x").context["form"]["host"].value() is None
    )


def test_a_raised_limit_lets_what_it_held_go_on(
    as_manager: Client, workspace: Workspace
) -> None:
    relay = make_relay(workspace, host="smtp.example.com", per_day=1)
    later = timezone.now() + dt.timedelta(hours=5)
    RelayQuota.objects.create(relay=relay, free_at=later)

    as_manager.post(f"/relays/{relay.pk}/edit/", relay_form(per_day="1000"))

    assert RelayQuota.objects.get(relay=relay).free_at is None


def test_a_manager_changes_the_providers_limits(
    as_manager: Client, workspace: Workspace
) -> None:
    """PRV-03"""
    as_manager.post("/providers/", {"google-per_minute": "60"})
    rule = ProviderRule.objects.get(workspace=workspace)
    assert (rule.provider, rule.per_minute, rule.connections) == ("google", 60, None)

    as_manager.post("/providers/", {"google-per_minute": ""})
    assert not ProviderRule.objects.exists()
    assert AuditEntry.objects.filter(verb="provider_limits_changed").count() == 2


def test_a_wrong_number_for_a_provider_is_said(
    as_manager: Client, workspace: Workspace
) -> None:
    response = as_manager.post("/providers/", {"yahoo-connections": "0"})

    assert response.status_code == 422
    assert not ProviderRule.objects.exists()


def test_what_a_provider_taught_us_is_shown_and_forgotten(
    as_manager: Client, workspace: Workspace
) -> None:
    """PRV-03"""
    relay = make_relay(workspace)
    learnt = Manners(
        per_minute=1, why="421 [TSS04] <deferred>", blocked_until=time.time() + 60
    )
    ProviderState.objects.create(
        relay=relay, provider="yahoo", learnt=dataclasses.asdict(learnt)
    )
    page = as_manager.get(f"/relays/{relay.pk}/").content.decode()
    assert "Yahoo" in page
    assert "421 [TSS04] &lt;deferred&gt;" in page

    as_manager.post(f"/relays/{relay.pk}/forget/", {"provider": "yahoo"})

    assert ProviderState.objects.get().learnt == {}
    assert "TSS04" not in as_manager.get(f"/relays/{relay.pk}/").content.decode()


def test_the_page_shows_where_the_warm_up_stands_with_each_provider(
    as_manager: Client, workspace: Workspace
) -> None:
    """PRV-04"""
    relay = make_relay(
        workspace, warmup_started_on=timezone.localdate(), warmup_plan=[50, 100]
    )
    now = time.time()
    for provider, count in {"google": 50, "": 7, "yahoo": 0}.items():
        free_at = timezone.now() + dt.timedelta(hours=3) if count == 50 else None
        ProviderState.objects.create(
            relay=relay,
            provider=provider,
            state={"86400": {str(int(now // 900)): count}},
            free_at=free_at,
        )

    facts = as_manager.get(f"/relays/{relay.pk}/").context["limits"]
    page = as_manager.get(f"/relays/{relay.pk}/").content.decode()

    assert [(one.name, one.count, bool(one.goes_on_at)) for one in facts.warmed] == [
        ("", 7, False),
        ("Gmail", 50, True),
    ]
    assert (facts.warmup.day, facts.warmup.cap, facts.warmup_days) == (1, 50, 2)
    assert "Gmail" in page
    assert "Yahoo" not in page


def test_a_sender_gets_further_servers_with_shares(
    as_manager: Client, workspace: Workspace
) -> None:
    """SMTP-15"""
    first, second, third = (make_relay(workspace) for _ in range(3))
    sender = make_sender(workspace, relay=first)
    form = {
        "from_name": "Лавка",
        "from_email": "news@lavka.example",
        "relay": str(first.pk),
        "share": "2",
        f"share_{second.pk.hex}": "1",
        f"share_{third.pk.hex}": "0",
    }

    as_manager.post(f"/senders/{sender.pk}/", form)

    sender.refresh_from_db()
    shares = dict(sender.further_relays.values_list("relay_id", "share"))
    assert (sender.share, shares) == (2, {second.pk: 1, third.pk: 0})
    shown = as_manager.get(f"/senders/{sender.pk}/").context["form"]
    assert shown.uses_further
    assert shown[f"share_{third.pk.hex}"].value() == 0

    del form[f"share_{second.pk.hex}"]
    as_manager.post(f"/senders/{sender.pk}/", form)
    assert list(sender.further_relays.values_list("relay_id", flat=True)) == [third.pk]


def test_a_server_that_stands_by_for_a_sender_is_not_deleted(
    as_manager: Client, workspace: Workspace
) -> None:
    spare = make_relay(workspace)
    make_sender(workspace).further_relays.create(relay=spare, share=0)

    as_manager.post(f"/relays/{spare.pk}/delete/")

    assert Relay.objects.filter(pk=spare.pk).exists()


def test_the_sandbox_shares_with_nobody(
    as_manager: Client, workspace: Workspace
) -> None:
    sandbox, real = sandbox_relay(workspace), make_relay(workspace)
    response = as_manager.post(
        "/senders/add/",
        {
            "from_email": "news@lavka.example",
            "relay": str(sandbox.pk),
            f"share_{real.pk.hex}": "1",
        },
    )

    assert response.status_code == 422
    assert "relay" in response.context["form"].errors
