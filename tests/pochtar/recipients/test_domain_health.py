"""Which domains of recipients take mail: DNS is asked in the background."""

from __future__ import annotations

import datetime as dt

import dns.rcode
import pytest
from django.utils import timezone

from pochtar.recipients import domain_health
from pochtar.recipients.domain_health import (
    ask_about_domains,
    expect_domains,
    health_of,
    walk_recipients,
)
from pochtar.recipients.models import DomainHealth, Recipient
from pochtar.recipients.services import Person, create_recipient
from pochtar.recipients.tasks import look_up_domains
from tests.make import make_recipient
from tests.nameserver import nameserver

pytestmark = pytest.mark.django_db


@pytest.fixture
def zone(settings):
    settings.MX_LOOKUPS, settings.DNS_TIMEOUT = True, 0.5
    with nameserver(settings) as zone:
        yield zone


def verdicts() -> dict[str, str]:
    return dict(DomainHealth.objects.values_list("domain", "verdict"))


def test_each_answer_has_its_verdict(zone):
    """Taking mail, RFC 7505, none, and none such are four different things."""
    zone.mx = {"firma.ru": ["10 mx.firma.ru."], "quiet.ru": ["0 ."]}
    zone.a = {"old.ru": ["192.0.2.1"]}
    zone.txt = {"bare.ru": ["v=spf1 -all"]}
    expect_domains(["firma.ru", "quiet.ru", "old.ru", "bare.ru", "gone.ru"])

    assert ask_about_domains() == 5
    assert verdicts() == {
        "firma.ru": "mail",
        "quiet.ru": "null_mx",
        "old.ru": "mail",
        "bare.ru": "no_server",
        "gone.ru": "missing",
    }


@pytest.mark.parametrize("trouble", [{"mute": True}, {"rcode": dns.rcode.SERVFAIL}])
def test_no_answer_is_not_the_answer_that_there_is_none(zone, monkeypatch, trouble):
    monkeypatch.setattr(domain_health, "ANSWER_SECONDS", 0.3)
    for name, value in trouble.items():
        setattr(zone, name, value)
    expect_domains(["firma.ru"])

    assert ask_about_domains() == 0
    assert verdicts() == {"firma.ru": "unknown"}


def test_an_old_verdict_stays_until_there_is_a_new_one(zone):
    long_ago = timezone.now() - dt.timedelta(days=40)
    DomainHealth.objects.create(domain="firma.ru", verdict="mail", checked_at=long_ago)
    zone.rcode = dns.rcode.SERVFAIL

    ask_about_domains()

    assert verdicts() == {"firma.ru": "mail"}


def test_a_verdict_is_kept_for_a_month(zone):
    zone.mx = {"firma.ru": ["10 mx.firma.ru."]}
    expect_domains(["firma.ru"])
    ask_about_domains()
    ask_about_domains()
    assert zone.asked == ["firma.ru"]

    ask_about_domains(now=timezone.now() + dt.timedelta(days=31))
    assert zone.asked == ["firma.ru"] * 2


def test_when_dns_is_out_of_reach_few_are_asked(zone):
    zone.rcode = dns.rcode.SERVFAIL
    expect_domains(f"firma{number}.ru" for number in range(20))

    ask_about_domains()

    assert len(set(zone.asked)) == domain_health.MOST_SILENCES


def test_lookups_can_be_turned_off(zone, settings, workspace):
    settings.MX_LOOKUPS = False
    make_recipient(workspace, "anna@firma.ru")

    look_up_domains()

    assert zone.asked == []


def test_the_walk_meets_every_domain_and_goes_on_where_it_was(
    workspace, zone, monkeypatch
):
    monkeypatch.setattr(domain_health, "STEP", 2)
    for name in ("a", "b", "c"):
        make_recipient(workspace, f"anna@{name}.ru")
    make_recipient(workspace, "nobody@shop.example")
    later = timezone.now() + dt.timedelta(hours=1)

    assert [walk_recipients(now=later) for _n in range(3)] == [True, True, False]
    assert set(verdicts()) == {"a.ru", "b.ru", "c.ru"}
    Recipient.objects.all().delete()
    make_recipient(workspace, "anna@d.ru")
    assert walk_recipients(now=later)
    assert "d.ru" in verdicts()


def test_whoever_is_typed_by_hand_waits_for_no_walk(workspace, owner):
    row = create_recipient(workspace, Person(email="анна@Фирма.рф"), by=owner)

    found = health_of(row.email_key)
    assert found
    assert (found.domain, found.verdict) == ("xn--80apmps.xn--p1ai", "unknown")
