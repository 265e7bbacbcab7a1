"""Registration, login, recovery of the password, letters."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.conf import LazySettings
from django.core import mail
from django.test import Client
from django.urls import reverse

from pochtar.accounts.models import Membership, Role, User
from tests.make import PASSWORD
from tests.web.letters import last_letter, link_in
from tests.web.people import log_in, make_confirmed

pytestmark = pytest.mark.django_db

SIGNUP = {
    "email": "anna@example.com",
    "password1": PASSWORD,
    "workspace_name": "Чайная лавка",
}


@pytest.fixture
def confirmed(workspace) -> User:
    return make_confirmed()


# Registration ---------------------------------------------------------------------------


def test_somebody_registers_confirms_and_lands_in_a_workspace_of_their_own(client):
    page = client.post(reverse("account_signup"), SIGNUP, follow=True)

    assert page.redirect_chain[-1][0] == reverse("account_email_verification_sent")
    assert "anna@example.com" in page.content.decode()
    assert not client.session.get("_auth_user_id")

    path = link_in(last_letter())
    button = client.get(path)
    assert button.status_code == 200
    assert not EmailAddress.objects.get(email="anna@example.com").verified

    landed = client.post(path)
    assert landed.url == reverse("home")
    membership = Membership.objects.get(user__email="anna@example.com")
    assert membership.role == Role.OWNER
    assert membership.workspace.name == "Чайная лавка"
    assert client.session["_auth_user_id"] == str(membership.user.pk)


def test_a_link_works_once(client):
    client.post(reverse("account_signup"), SIGNUP)
    path = link_in(last_letter())
    client.post(path)

    again = Client().get(path)

    assert again.status_code == 200
    assert not again.context["can_confirm"]


def test_an_address_confirmed_in_another_browser_leads_to_the_login(client):
    client.post(reverse("account_signup"), SIGNUP)

    landed = Client().post(link_in(last_letter()))

    assert landed["Location"].startswith(reverse("account_login"))


def test_nobody_logs_in_before_the_address_is_confirmed(client):
    client.post(reverse("account_signup"), SIGNUP)
    other = Client()

    landed = log_in(other, "anna@example.com")

    assert landed.url == reverse("account_email_verification_sent")
    assert not other.session.get("_auth_user_id")


def test_the_address_is_kept_in_lower_case(client):
    client.post(reverse("account_signup"), SIGNUP | {"email": "Anna@Example.COM"})

    assert User.objects.get().email == "anna@example.com"


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "no address"},
        {"email": ""},
        {"password1": "short"},
        {"password1": "password1234"},
        {"password1": "anna@example.com"},
        {"workspace_name": "   "},
        {"workspace_name": "x" * 200},
        {"email": "x" * 1_000_000 + "@example.com"},
        {"password1": "x" * 1_000_000},
    ],
)
def test_bad_input_is_said_at_the_field_and_what_was_typed_stays(client, wrong):
    page = client.post(reverse("account_signup"), SIGNUP | wrong)

    assert page.status_code == 200
    assert list(page.context["form"].errors) == list(wrong)
    assert 'aria-invalid="true"' in page.content.decode()
    if "workspace_name" not in wrong:
        assert "Чайная лавка" in page.content.decode()
    assert not User.objects.exists()


def test_a_registration_that_fails_half_way_leaves_nothing(client, monkeypatch):
    def refuse(**kwargs: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("pochtar.web.forms.account.open_workspace", refuse)

    with pytest.raises(RuntimeError):
        client.post(reverse("account_signup"), SIGNUP)

    assert not User.objects.exists()


# No hint whether an address is registered -----------------------------------------------


def test_sec_17_registering_a_known_address_looks_the_same(client, confirmed):
    known = SIGNUP | {"email": confirmed.email}

    first = client.post(reverse("account_signup"), SIGNUP, follow=True)
    second = Client().post(reverse("account_signup"), known, follow=True)

    assert first.redirect_chain == second.redirect_chain
    assert _without_secrets(first) == _without_secrets(second)
    assert last_letter().to == [confirmed.email]
    assert reverse("account_reset_password") in str(last_letter().body)
    assert User.objects.get(pk=confirmed.pk).check_password(PASSWORD)


def test_sec_17_recovering_an_unknown_address_looks_the_same(client, confirmed):
    address = reverse("account_reset_password")

    known = client.post(address, {"email": confirmed.email}, follow=True)
    unknown = Client().post(address, {"email": "nobody@example.com"}, follow=True)

    assert known.redirect_chain == unknown.redirect_chain
    assert _without_secrets(known) == _without_secrets(unknown)
    assert [letter.to for letter in mail.outbox] == [
        [confirmed.email],
        ["nobody@example.com"],
    ]


def test_sec_17_a_registered_address_costs_one_hash_too(client, confirmed, monkeypatch):
    hashed: list[str] = []
    original = User.set_password

    def count(self: User, password: str | None) -> None:
        hashed.append(str(password))
        original(self, password)

    monkeypatch.setattr(User, "set_password", count)

    client.post(reverse("account_signup"), SIGNUP)
    Client().post(reverse("account_signup"), SIGNUP | {"email": confirmed.email})

    assert len(hashed) == 2


def test_sec_17_a_wrong_password_and_an_unknown_address_are_told_alike(
    client, confirmed
):
    wrong = log_in(client, confirmed.email, "not the password")
    unknown = log_in(client, "nobody@example.com", "not the password")

    assert wrong.context["form"].errors == unknown.context["form"].errors


def test_two_registrations_of_one_address_at_once_make_one_account(client, monkeypatch):
    # The second one passed the check before the first was saved.
    monkeypatch.setattr(
        "allauth.account.internal.flows.manage_email.email_already_exists",
        lambda value, **kwargs: (value, False),
    )
    client.post(reverse("account_signup"), SIGNUP)

    page = Client().post(reverse("account_signup"), SIGNUP)

    assert page["Location"] == reverse("account_email_verification_sent")
    assert User.objects.count() == 1


def _without_secrets(page) -> str:
    """Return the page without addresses and tokens, which differ anyway."""
    text = str(page.content.decode())
    for token in (page.context["csrf_token"], page.context["request"].csp_nonce):
        text = text.replace(str(token), "")
    for address in ("anna@example.com", "boris@example.com", "nobody@example.com"):
        text = text.replace(address, "")
    return text


# Login and logout -----------------------------------------------------------------------


def test_somebody_logs_in_and_out(client, confirmed):
    assert log_in(client, "BORIS@example.com").url == reverse("home")

    asked = client.get(reverse("account_logout"))
    assert asked.status_code == 200
    client.post(reverse("account_logout"))

    assert not client.session.get("_auth_user_id")


def test_a_login_leads_where_one_wanted_to_go(client, confirmed):
    address = f"{reverse('account_login')}?next={reverse('profile')}"

    page = client.post(address, {"login": confirmed.email, "password": PASSWORD})

    assert page.url == reverse("profile")


def test_a_login_leads_nowhere_else(client, confirmed):
    address = f"{reverse('account_login')}?next=https://evil.example/"

    page = client.post(address, {"login": confirmed.email, "password": PASSWORD})

    assert page.url == reverse("home")


def test_somebody_switched_off_is_told_so(client, confirmed):
    User.objects.filter(pk=confirmed.pk).update(is_active=False)

    page = log_in(client, confirmed.email, follow=True)

    assert page.status_code == 200
    assert not client.session.get("_auth_user_id")


def test_an_operator_logs_in_without_a_letter_and_opens_a_workspace(client):
    User.objects.create_superuser("root@example.com", PASSWORD)

    page = log_in(client, "root@example.com", follow=True)

    assert page.redirect_chain[-1][0] == reverse("workspace-open")
    assert mail.outbox == []


def test_the_administration_pages_take_the_same_login(client):
    User.objects.create_superuser("root@example.com", PASSWORD)

    data = {"username": "root@example.com", "password": PASSWORD}
    page = client.post(reverse("admin:login"), data)

    assert page.status_code == 302
    for name in ("index", "accounts_user_changelist", "accounts_user_add"):
        assert client.get(reverse(f"admin:{name}")).status_code == 200


# Recovery -------------------------------------------------------------------------------


def test_somebody_chooses_a_new_password_by_letter(client, confirmed):
    elsewhere = Client()
    log_in(elsewhere, confirmed.email)
    client.post(reverse("account_reset_password"), {"email": confirmed.email})
    form = client.get(link_in(last_letter()), follow=True)
    address = form.redirect_chain[-1][0]

    done = client.post(address, {"password1": "another horse battery"})

    assert done.url == reverse("account_reset_password_from_key_done")
    assert log_in(client, confirmed.email, "another horse battery").status_code == 302
    assert elsewhere.get(reverse("profile")).status_code == 302, "logged out there"


def test_a_recovery_link_works_once(client, confirmed):
    client.post(reverse("account_reset_password"), {"email": confirmed.email})
    path = link_in(last_letter())
    form = client.get(path, follow=True)
    client.post(form.redirect_chain[-1][0], {"password1": "another horse battery"})

    again = Client().get(path, follow=True)

    assert again.context["token_fail"]


def test_a_weak_new_password_is_refused(client, confirmed):
    client.post(reverse("account_reset_password"), {"email": confirmed.email})
    form = client.get(link_in(last_letter()), follow=True)

    page = client.post(form.redirect_chain[-1][0], {"password1": "boris"})

    assert "password1" in page.context["form"].errors


# Limits ---------------------------------------------------------------------------------


def test_sec_17_too_many_tries_get_our_page(client, settings: LazySettings):
    settings.ACCOUNT_RATE_LIMITS = {"login": "2/m/ip"}

    pages = [log_in(client, "nobody@example.com") for _ in range(3)]

    assert [page.status_code for page in pages] == [200, 200, 429]
    assert "base_public.html" in [template.name for template in pages[-1].templates]


def test_sec_17_the_administration_login_is_limited_too(client, settings: LazySettings):
    settings.ACCOUNT_RATE_LIMITS = {"login": "2/m/ip"}
    data = {"username": "nobody@example.com", "password": "x"}

    pages = [client.post(reverse("admin:login"), data) for _ in range(3)]

    assert [page.status_code for page in pages] == [200, 200, 429]


def test_sec_17_a_stranger_cannot_lock_the_owner_out_for_ever(
    client, confirmed, settings: LazySettings
):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "2/5m/key"}
    for _ in range(3):
        log_in(Client(), confirmed.email, "guess")
    assert log_in(client, confirmed.email).status_code == 200, "locked for a while"

    client.post(reverse("account_reset_password"), {"email": confirmed.email})
    form = client.get(link_in(last_letter()), follow=True)
    client.post(form.redirect_chain[-1][0], {"password1": "another horse battery"})

    assert log_in(client, confirmed.email, "another horse battery").status_code == 302


def test_sec_17_behind_a_proxy_each_visitor_has_limits_of_their_own(
    client, settings: LazySettings
):
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1

    # What a visitor writes into the header stands before what the proxy adds.
    seen_by_the_proxy = ["192.0.2.1", "192.0.2.2", "198.51.100.9, 192.0.2.1"]
    pages = [
        log_in(client, "nobody@example.com", HTTP_X_FORWARDED_FOR=addresses)
        for addresses in seen_by_the_proxy
    ]

    assert [page.status_code for page in pages] == [200, 200, 429]
