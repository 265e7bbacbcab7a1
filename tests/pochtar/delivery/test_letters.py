"""What a mailing's letters say of themselves, and what single letters do not say."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from mailcore.engine.types import Item
from mailcore.headers import HeaderError
from mailcore.smtp.sink import Sink, sink_in_thread
from pochtar.accounts.models import Workspace
from pochtar.delivery.driver import drive_run
from pochtar.delivery.letters import Composer, composer_for_run, composer_for_test
from pochtar.delivery.mail_backend import EmailBackend
from pochtar.delivery.models import Attempt, Delivery, Run
from pochtar.recipients.models import Basis
from pochtar.recipients.services import Person, create_recipient
from tests.make import make_message, make_recipient, make_sender
from tests.pochtar.delivery.launching import launch, make_people

pytestmark = pytest.mark.django_db
BULK = (
    *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID"),
    *("Precedence", "X-Mailru-Msgtype", "X-Pochtar-Delivery"),
)
LEAVE = '<p><a href="{{ unsubscribe_url }}">Отписаться</a></p>'


@pytest.fixture(autouse=True)
def _public(settings: LazySettings) -> None:
    settings.PUBLIC_URL = "https://mail.shop.ru"


def parse(data: bytes) -> EmailMessage:
    return message_from_bytes(data, policy=policy.default)


def write(composer: Composer, delivery: Delivery | None = None) -> EmailMessage:
    recipient = delivery.recipient_id if delivery else None
    assert recipient or not delivery
    item = Item(
        delivery_id=delivery.pk if delivery else 0,
        position=1,
        email=delivery.email if delivery else "r@x.ru",
        recipient=recipient.hex if recipient else "",
        values={"full_name": "Анна"},
    )
    return parse(composer(item, timezone.now()).data)


def run_of(workspace: Workspace, **over: Any) -> Run:
    return launch(workspace, Sink(port=25), **over)


def test_a_letter_of_a_mailing_names_list_way_out_and_delivery(
    workspace: Workspace,
) -> None:
    """MSG-21..23, MSG-26..29"""
    make_people(workspace, 1)
    run = run_of(workspace)
    letter = write(composer_for_run(run), Delivery.objects.get())
    id_ = workspace.pk.hex[-12:]

    assert all(len(letter.get_all(name, [])) == 1 for name in BULK)
    assert str(letter["List-Id"]) == f"Лавка <mailings-{id_}.lavka.example>"
    assert re.fullmatch(
        r"<https://mail\.shop\.ru/u/[\w-]{55}/>", str(letter["List-Unsubscribe"])
    )
    assert letter["Feedback-ID"] == f"m{run.pk.hex[-12:]}:w{id_}:mailing:pochtar"
    assert f"<{letter['X-Pochtar-Delivery']}@lavka.example>" == letter["Message-ID"]


def test_letters_of_a_run_share_all_but_what_names_the_delivery(
    workspace: Workspace,
) -> None:
    """MSG-14, MSG-26: no value of the Feedback-ID names a recipient"""
    make_people(workspace, 2)
    composer = composer_for_run(run_of(workspace))
    one, two = (write(composer, row) for row in Delivery.objects.order_by("pk"))
    differ = {name for name in one if one[name] != two[name]}

    assert differ <= {
        *("To", "Message-ID", "Date", "List-Unsubscribe", "X-Pochtar-Delivery"),
        "Content-Type",
    }
    assert {"To", "Message-ID", "List-Unsubscribe", "X-Pochtar-Delivery"} <= differ
    assert composer_for_run(run_of(workspace)).letter._static_headers != (
        composer.letter._static_headers
    )


def test_the_way_out_is_a_merge_field_in_both_parts(workspace: Workspace) -> None:
    """MSG-08"""
    make_people(workspace, 1)
    with sink_in_thread() as sink:
        drive_run(launch(workspace, sink, message={"html": LEAVE}))

    letter = parse(sink.accepted[0].data)
    url = str(letter["List-Unsubscribe"]).strip("<>")
    for kind in ("plain", "html"):
        part = letter.get_body((kind,))
        assert part
        assert url in part.get_content()


def test_a_recipients_attribute_cannot_take_the_way_out_away(
    workspace: Workspace,
) -> None:
    """MSG-08"""
    make_recipient(workspace, attributes={"unsubscribe_url": "https://evil.example/"})
    with sink_in_thread() as sink:
        drive_run(launch(workspace, sink, message={"html": LEAVE}))

    assert b"evil" not in sink.accepted[0].data


def test_a_test_letter_shows_the_headers_and_leads_nowhere(
    workspace: Workspace,
) -> None:
    message = make_message(workspace, html=LEAVE)
    letter = write(composer_for_test(message, make_sender(workspace), scope="x"))

    assert letter["Feedback-ID"].split(":")[2] == letter["X-Mailru-Msgtype"] == "test"
    assert letter["List-Unsubscribe"]
    assert letter["X-Pochtar-Delivery"] is None


def test_a_letter_of_the_system_is_no_mailing(settings: LazySettings) -> None:
    """MSG-22, MSG-27"""
    with sink_in_thread() as sink:
        settings.SYSTEM_SMTP_URL = f"smtp://127.0.0.1:{sink.port}?tls=none"
        mail = EmailMultiAlternatives("Hi", "text", "us@x.ru", ["a@x.ru"])
        EmailBackend().send_messages([mail])

    letter = parse(sink.accepted[0].data)
    assert [name for name in BULK if letter[name]] == []
    assert letter["Auto-Submitted"] == "auto-generated"


def test_what_was_typed_before_the_at_goes_on_the_wire(workspace: Workspace) -> None:
    """MSG-13"""
    owner = workspace.participants.get()
    person = Person(email="Anna.P@ПОЧТА.рф", basis=Basis.CONSENT)
    row = create_recipient(workspace, person, by=owner)
    with sink_in_thread() as sink:
        drive_run(launch(workspace, sink))

    assert (row.email, row.email_key) == (
        "Anna.P@ПОЧТА.рф",
        "anna.p@xn--80a1acny.xn--p1ai",
    )
    assert sink.accepted[0].rcpt_to == "Anna.P@xn--80a1acny.xn--p1ai"


def test_the_date_is_now_in_the_workspaces_zone(workspace: Workspace) -> None:
    """MSG-15"""
    Workspace.objects.update(time_zone="Asia/Yekaterinburg")
    workspace.refresh_from_db()
    make_people(workspace, 1)
    letter = write(composer_for_run(run_of(workspace)), Delivery.objects.get())
    sent = letter["Date"].datetime

    assert str(letter["Date"]).endswith("+0500")
    assert abs((timezone.now() - sent).total_seconds()) < 60


def test_a_long_domain_still_has_a_list_id(workspace: Workspace) -> None:
    """MSG-21"""
    domain = ".".join(["a" * 50] * 4) + ".example"
    sender = make_sender(workspace, from_email=f"x@{domain}")
    composer = composer_for_test(make_message(workspace), sender, scope="x")

    field = re.search(rb"<(mailings-[^>]+)>", composer.letter._static_headers)
    assert field
    assert len(field[1]) <= 255


def test_a_workspace_with_a_line_break_in_its_name_sends_nothing(
    workspace: Workspace,
) -> None:
    """MSG-20: it cannot be entered; if it got there all the same, no header is made"""
    Workspace.objects.update(name="Shop\r\nBcc: all@example.com")
    workspace.refresh_from_db()
    make_people(workspace, 1)
    run = run_of(workspace)

    with pytest.raises(HeaderError):
        composer_for_run(run)
    assert not Attempt.objects.exists()
