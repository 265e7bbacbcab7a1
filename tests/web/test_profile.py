"""The profile: password, address, name, language."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from pochtar.accounts.models import User
from tests.make import PASSWORD, make_user
from tests.web.letters import last_letter, link_in
from tests.web.people import log_in, make_confirmed

pytestmark = pytest.mark.django_db


@pytest.fixture
def confirmed() -> User:
    return make_confirmed()


def test_somebody_changes_the_password(client, confirmed):
    log_in(client, confirmed.email)

    page = client.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": "another horse battery"},
    )

    assert page.url == reverse("profile")
    assert User.objects.get(pk=confirmed.pk).check_password("another horse battery")
    assert client.get(reverse("profile")).status_code == 200, "still logged in"
    assert last_letter().to == [confirmed.email]


def test_the_old_password_is_needed_for_a_new_one(client, confirmed):
    log_in(client, confirmed.email)

    page = client.post(
        reverse("account_change_password"),
        {"oldpassword": "wrong", "password1": "another horse battery"},
    )

    assert "oldpassword" in page.context["form"].errors


def test_a_new_address_counts_when_it_is_confirmed_and_the_old_one_is_told(
    client, confirmed
):
    log_in(client, confirmed.email)
    wanted = {"action_add": "", "email": "new@example.com"}
    asked = client.post(reverse("account_email"), wanted)
    assert asked.url.startswith(reverse("account_reauthenticate"))

    client.post(asked.url, {"password": PASSWORD})
    assert last_letter().to == ["new@example.com"]
    assert User.objects.get(pk=confirmed.pk).email == "boris@example.com"
    page = client.post(link_in(last_letter()))

    assert page.url == reverse("profile")
    assert User.objects.get(pk=confirmed.pk).email == "new@example.com"
    assert last_letter().to == ["boris@example.com"]
    assert "new@example.com" in last_letter().body


def test_an_address_that_somebody_registered_meanwhile_is_not_taken_over(
    client, confirmed
):
    log_in(client, confirmed.email)
    asked = client.post(
        reverse("account_email"), {"action_add": "", "email": "anna@example.com"}
    )
    client.post(asked.url, {"password": PASSWORD})
    path = link_in(last_letter())
    make_user("anna@example.com")

    client.post(path, follow=True)

    assert User.objects.get(pk=confirmed.pk).email == "boris@example.com"


def test_somebody_changes_name_and_language(client, confirmed):
    log_in(client, confirmed.email)

    page = client.post(
        reverse("profile"), {"name": " Борис ", "language": "en"}, follow=True
    )

    assert "Saved." in page.content.decode()
    assert client.cookies["django_language"].value == "en"
    person = User.objects.get(pk=confirmed.pk)
    assert (person.name, person.language) == ("Борис", "en")


def test_the_chosen_language_is_remembered_in_the_next_browser(client, confirmed):
    log_in(client, confirmed.email)
    client.post(reverse("set_language"), {"language": "en", "next": "/"})

    other = Client()
    log_in(other, confirmed.email)

    assert other.cookies["django_language"].value == "en"
    assert '<html lang="en"' in other.get(reverse("profile")).content.decode()


def test_an_unknown_language_changes_nothing(client, confirmed):
    log_in(client, confirmed.email)

    client.post(reverse("set_language"), {"language": "xx", "next": "/"})

    assert User.objects.get(pk=confirmed.pk).language == ""


@pytest.mark.parametrize(
    ("wish", "language"), [("en", "en"), ("ru", "ru"), ("fr", "ru"), ("", "ru")]
)
def test_the_browsers_wish_is_honoured(client, wish, language):
    page = client.get(reverse("account_login"), HTTP_ACCEPT_LANGUAGE=wish)

    assert f'<html lang="{language}"' in page.content.decode()
