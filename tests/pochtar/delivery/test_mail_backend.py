"""The system's own letters: confirmations, resets."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage as Parsed
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection, send_mail

from mailcore.smtp.sink import Script, Sink, Step, sink_in_thread
from pochtar.delivery.mail_backend import LetterNotSent

BACKEND = "pochtar.delivery.mail_backend.EmailBackend"


@pytest.fixture(autouse=True)
def _own_backend(settings: Any) -> None:
    settings.EMAIL_BACKEND = BACKEND


def use(settings: Any, sink: Sink) -> None:
    settings.SYSTEM_SMTP_URL = f"smtp://127.0.0.1:{sink.port}?tls=none"


def parsed(sink: Sink, number: int = 0) -> Parsed:
    return message_from_bytes(sink.accepted[number].data, policy=policy.default)


def test_a_letter_with_both_parts_arrives(settings: Any) -> None:
    letter = EmailMultiAlternatives(
        "Подтвердите адрес",
        "Текст: {{ не поле }}",
        '"Почтарь" <noreply@pochtar.example>',
        ["Анна <anna@example.com>"],
        reply_to=["help@pochtar.example"],
    )
    letter.attach_alternative("<p>Страница {{ не поле }} {% if %}</p>", "text/html")
    with sink_in_thread() as sink:
        use(settings, sink)
        assert letter.send() == 1

    mail = parsed(sink)
    assert mail["Subject"] == "Подтвердите адрес"
    assert (mail["To"], mail["Reply-To"]) == (
        "Анна <anna@example.com>",
        "help@pochtar.example",
    )
    assert mail["Message-ID"].endswith("@pochtar.example>")
    assert mail["Date"].datetime
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text
    assert html
    assert text.get_content().strip() == "Текст: {{ не поле }}"
    assert "не поле" in html.get_content()


def test_each_recipient_gets_a_letter_of_their_own(settings: Any) -> None:
    """MSG-17"""
    with sink_in_thread() as sink:
        use(settings, sink)
        send_mail("Тема", "Текст", None, ["a@example.com", "b@example.com"])

    assert [one.rcpt_to for one in sink.accepted] == ["a@example.com", "b@example.com"]
    assert parsed(sink)["To"] == "a@example.com"
    assert b"b@example.com" not in sink.accepted[0].data
    assert parsed(sink)["Message-ID"] != parsed(sink, 1)["Message-ID"]


def test_a_page_without_text_gets_a_plain_part_too(settings: Any) -> None:
    """MSG-08"""
    letter = EmailMultiAlternatives("Тема", "", None, ["a@example.com"])
    letter.attach_alternative("<p>Привет</p>", "text/html")
    with sink_in_thread() as sink:
        use(settings, sink)
        letter.send()

    text = parsed(sink).get_body(("plain",))
    assert text
    assert "Привет" in text.get_content()


@pytest.mark.parametrize(
    "script",
    [
        Script(steps={"banner": Step("421 busy")}),
        Script(steps={"rcpt": Step("550 5.1.1 no")}),
        Script(capabilities=("SIZE 10",)),
    ],
)
def test_a_letter_that_is_not_taken_is_an_error_without_traceback_for_people(
    settings: Any, script: Script
) -> None:
    with sink_in_thread(script) as sink:
        use(settings, sink)
        with pytest.raises(LetterNotSent) as caught:
            send_mail("Тема", "Текст", None, ["a@example.com"])
        assert get_connection(fail_silently=True).send_messages([_letter()]) == 0

    assert caught.value.code == "system_mail_failed"


def _letter() -> EmailMultiAlternatives:
    return EmailMultiAlternatives("Тема", "Текст", None, ["a@example.com"])


@pytest.mark.parametrize(
    ("subject", "to"), [("a\nBcc: b@example.com", "a@example.com"), ("a", "nobody")]
)
def test_a_header_that_would_inject_is_refused(
    settings: Any, subject: str, to: str
) -> None:
    """MSG-20"""
    with sink_in_thread() as sink:
        use(settings, sink)
        with pytest.raises(LetterNotSent):
            send_mail(subject, "Текст", None, [to])

    assert not sink.accepted
