"""Letters of the accounts: all three parts, both languages, and a mail server down."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
import time_machine
from allauth.core import context
from django.conf import LazySettings
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

import pochtar.web
from pochtar.accounts.models import User
from pochtar.delivery.mail_backend import LetterNotSent
from pochtar.sandbox.models import CapturedMessage
from pochtar.web.adapter import AccountAdapter
from tests.make import PASSWORD, make_user
from tests.web.letters import html_of, last_letter

pytestmark = pytest.mark.django_db

TEMPLATES = Path(pochtar.web.__file__).parent / "templates"
LETTERS = {
    "account_already_exists": ["password_reset_url"],
    "email_changed": ["from_email", "to_email", "ip"],
    "email_confirmation": ["activate_url"],
    "email_confirmation_signup": ["activate_url"],
    "email_deleted": ["deleted_email", "ip"],
    "password_changed": ["ip"],
    "password_reset": ["ip"],
    "password_reset_key": ["password_reset_url"],
    "password_set": ["ip"],
    "unknown_account": ["signup_url"],
}
VALUES = {
    "password_reset_url": "http://testserver/reset/",
    "activate_url": "http://testserver/activate/",
    "signup_url": "http://testserver/signup/",
    "from_email": "old@example.com",
    "to_email": "new@example.com",
    "deleted_email": "gone@example.com",
    "ip": "192.0.2.7",
    "user_agent": "Browser & <Sons>",
    "timestamp": timezone.now(),
}
SIGNUP = {
    "email": "anna@example.com",
    "password1": PASSWORD,
    "workspace_name": "Чайная лавка",
}


class Broken(BaseEmailBackend):
    def send_messages(self, messages):
        raise ConnectionRefusedError("nobody listens there")


class Refusing(BaseEmailBackend):
    def send_messages(self, messages):
        raise LetterNotSent("system_mail_failed", "refused")


BROKEN, REFUSING = f"{__name__}.Broken", f"{__name__}.Refusing"


@pytest.fixture
def request_of(rf: RequestFactory, client: Client):
    request = rf.get("/")
    request.session = client.session
    with context.request_context(request):
        yield request


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("name", LETTERS)
def test_each_letter_has_subject_text_and_html_in_its_readers_language(
    request_of, name, language
):
    reader = make_user("reader@example.com", language=language)

    AccountAdapter().send_mail(f"account/email/{name}", reader.email, VALUES)

    letter = last_letter()
    text, html = str(letter.body), html_of(letter)
    assert letter.subject
    assert "\n" not in letter.subject
    for part in (str(letter.subject), text, _Words.of(html)):
        assert _is_russian(part) == (language == "ru"), part
    for value in LETTERS[name]:
        assert str(VALUES[value]) in text
        assert str(VALUES[value]) in html
    assert f'<html lang="{language}">' in html
    assert text.isprintable() or "\n" in text


def test_a_text_part_is_not_escaped_and_an_html_part_is(request_of):
    AccountAdapter().send_mail(
        "account/email/password_changed", "a@example.com", VALUES
    )

    assert "Browser & <Sons>" in last_letter().body
    assert "Browser &amp; &lt;Sons&gt;" in html_of(last_letter())


@pytest.mark.parametrize("name", LETTERS)
def test_no_letter_loads_anything_from_anywhere(name):
    path = TEMPLATES / f"account/email/{name}_message.html"
    source = path.read_text(encoding="utf-8")

    assert "src=" not in source
    assert "url(" not in source


def test_a_letter_to_a_registered_reader_speaks_their_language(client):
    make_user("anna@example.com", language="en")

    client.post(reverse("account_signup"), SIGNUP, HTTP_ACCEPT_LANGUAGE="ru")

    assert last_letter().subject == "You have an account already"


def test_the_language_of_the_registration_is_kept(client):
    client.post(reverse("account_signup"), SIGNUP, HTTP_ACCEPT_LANGUAGE="en")

    assert User.objects.get().language == "en"
    assert last_letter().subject == "Confirm your e-mail address"


# The mail server is down ----------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("backend", [BROKEN, REFUSING])
def test_a_registration_survives_a_mail_server_that_is_down(
    client, settings: LazySettings, known, backend
):
    if known:
        make_user("anna@example.com")
    working, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, backend
    page = client.post(
        reverse("account_signup"), SIGNUP, follow=True, HTTP_ACCEPT_LANGUAGE="en"
    )

    assert page.status_code == 200
    assert "could not be sent" in page.content.decode()
    assert reverse("account-letter") not in page.content.decode()

    settings.EMAIL_BACKEND = working
    again = client.post(reverse("account-send-again"), follow=True)
    assert "could not be sent" not in again.content.decode()
    assert last_letter().to == ["anna@example.com"]


def test_a_recovery_survives_a_mail_server_that_is_down(client, settings: LazySettings):
    settings.EMAIL_BACKEND = BROKEN
    address = reverse("account_reset_password")

    page = client.post(
        address, {"email": "a@example.com"}, follow=True, HTTP_ACCEPT_LANGUAGE="en"
    )

    assert "could not be sent" in page.content.decode()


def test_a_changed_password_survives_a_mail_server_that_is_down(
    as_owner, settings: LazySettings
):
    settings.EMAIL_BACKEND = BROKEN

    page = as_owner.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": "another horse battery"},
    )

    assert page.url == reverse("profile")


def test_a_letter_is_sent_again_once_a_minute(client):
    client.post(reverse("account_signup"), SIGNUP)

    client.post(reverse("account-send-again"))

    assert len(mail.outbox) == 1


def test_sending_again_needs_a_registration_of_ones_own(client):
    assert client.post(reverse("account-send-again")).url == reverse("account_login")
    assert mail.outbox == []


# "Open the letter" ----------------------------------------------------------------------


@pytest.fixture
def at_home(settings: LazySettings) -> None:
    """One's own machine: DEBUG on, the sandbox is the relay."""
    settings.DEBUG = True
    settings.SYSTEM_SMTP_URL = ""


HOME = {"HTTP_HOST": "127.0.0.1:8000", "REMOTE_ADDR": "127.0.0.1"}


def capture(to: str, **over) -> CapturedMessage:
    letter = last_letter()
    raw = letter.message().as_bytes()
    return CapturedMessage.objects.create(
        **{
            "rcpt_to": to,
            "subject": letter.subject,
            "size": len(raw),
            "raw": raw,
            **over,
        }
    )


@pytest.mark.usefixtures("at_home")
def test_ones_own_fresh_letter_opens_without_a_login(client):
    page = client.post(reverse("account_signup"), SIGNUP, follow=True, **HOME)
    assert reverse("account-letter") in page.content.decode()
    capture("anna@example.com")

    letter = client.get(reverse("account-letter"), **HOME)

    assert letter.status_code == 200
    assert "/account/confirm-email/" in letter.content.decode()


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize(
    ("host", "remote"), [("localhost:8000", "127.0.0.1"), ("[::1]:8000", "::1")]
)
def test_home_has_several_names(client, settings: LazySettings, host, remote):
    settings.ALLOWED_HOSTS = ["localhost", "[::1]"]
    home = {"HTTP_HOST": host, "REMOTE_ADDR": remote}

    client.post(reverse("account_signup"), SIGNUP, **home)

    assert client.get(reverse("account-letter"), **home).status_code == 200


@pytest.mark.usefixtures("at_home")
def test_a_letter_that_has_not_arrived_is_waited_for(client):
    client.post(reverse("account_signup"), SIGNUP, **HOME)

    assert client.get(reverse("account-letter"), **HOME).status_code == 200


@pytest.mark.usefixtures("at_home")
def test_letters_of_others_and_older_ones_stay_closed(client):
    client.post(reverse("account_signup"), SIGNUP, **HOME)
    capture("other@example.com", subject="FOREIGN")
    hour_ago = timezone.now() - timedelta(hours=1)
    capture("anna@example.com", subject="OLD", received_at=hour_ago)

    page = client.get(reverse("account-letter"), **HOME).content.decode()

    assert "FOREIGN" not in page
    assert "OLD" not in page


@pytest.mark.usefixtures("at_home")
def test_without_a_registration_of_ones_own_there_is_no_letter(client):
    assert client.get(reverse("account-letter"), **HOME).status_code == 404


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize(
    "elsewhere",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"HTTP_HOST": "testserver"},
        {"HTTP_X_FORWARDED_FOR": "192.0.2.7"},
    ],
)
def test_from_elsewhere_no_letter_opens(client, elsewhere):
    page = client.post(
        reverse("account_signup"), SIGNUP, follow=True, **HOME | elsewhere
    )

    assert reverse("account-letter") not in page.content.decode()
    found = client.get(reverse("account-letter"), **HOME | elsewhere)
    assert found.status_code == 404


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize(
    "over", [{"DEBUG": False}, {"SYSTEM_SMTP_URL": "smtp://mail.example"}]
)
def test_on_a_server_no_letter_opens(client, settings: LazySettings, over):
    client.post(reverse("account_signup"), SIGNUP, **HOME)
    for name, value in over.items():
        setattr(settings, name, value)

    assert client.get(reverse("account-letter"), **HOME).status_code == 404


@pytest.mark.usefixtures("at_home")
def test_an_hour_later_the_letter_is_closed(client):
    with time_machine.travel(timezone.now() - timedelta(minutes=61)):
        client.post(reverse("account_signup"), SIGNUP, **HOME)
        capture("anna@example.com")

    assert client.get(reverse("account-letter"), **HOME).status_code == 404


@pytest.mark.usefixtures("at_home")
def test_a_letter_to_an_address_outside_ascii_is_found(client):
    client.post(reverse("account_signup"), SIGNUP | {"email": "anna@почта.рф"}, **HOME)
    capture("anna@xn--80a1acny.xn--p1ai")

    page = client.get(reverse("account-letter"), **HOME)

    assert "/account/confirm-email/" in page.content.decode()


class _Words(HTMLParser):
    """The words of a page, without tags and styles."""

    @classmethod
    def of(cls, html: str) -> str:
        reader = cls()
        reader.feed(html.partition("<body")[2])
        return " ".join(reader.found)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def _is_russian(text: str) -> bool:
    return any("а" <= letter <= "я" for letter in text.lower())
