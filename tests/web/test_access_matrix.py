"""Every address of the service against everybody who may knock (SEC-01, 03, 04).

The rules are in ``tests/web/access_table.py``: a new URL fails here until it has one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from pochtar.accounts.models import Role, User, Workspace
from tests.conftest import client_of
from tests.make import PASSWORD, make_member
from tests.web.access_table import TABLE, Door, Found, Rule
from tests.web.inline import inline_code_in

pytestmark = pytest.mark.django_db

ADMIN = "admin:"  # Django's own pages: staff only, see the end
NOT_ALLOWED = 405


def names_of(
    resolver: URLResolver, prefix: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            space = f"{prefix}{entry.namespace}:" if entry.namespace else prefix
            yield from names_of(entry, space)
        else:
            yield f"{prefix}{entry.name or entry.pattern}", entry


def rules(*doors: Door, **wanted: bool) -> list[str]:
    """Return the names whose rule is behind one of the doors (and has an object, …)."""
    return [
        name
        for name, rule in TABLE.items()
        if rule.door in doors
        and all(bool(getattr(rule, key)) == value for key, value in wanted.items())
    ]


INSIDE = (Door.LOGIN, Door.WORKSPACE)


def address_in(workspace: Workspace, name: str) -> tuple[str, Model | None]:
    rule = TABLE[name]
    if rule.make is None:
        return reverse(name, args=rule.args), None
    found: Found = rule.make(workspace)
    return reverse(name, args=found.args), found.row


def columns_of(row: Model) -> dict[str, object]:
    return type(row)._default_manager.filter(pk=row.pk).values().get()


# The table ------------------------------------------------------------------------------


def test_sec_01_every_url_has_a_rule():
    routed = {name for name, _ in names_of(get_resolver())}

    assert {name for name in routed if not name.startswith(ADMIN)} == set(TABLE)


# Visitors -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", rules(*INSIDE))
@pytest.mark.parametrize("method", ["get", "post"])
def test_sec_01_a_visitor_is_sent_to_the_login(workspace, client, name, method):
    url, _row = address_in(workspace, name)

    page = getattr(client, method)(url)

    if page.status_code == NOT_ALLOWED:
        assert not allows(TABLE[name], method)
    else:
        assert page.status_code == 302
        assert page["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", rules(Door.PUBLIC))
def test_a_visitor_sees_what_is_public(client, db, name):
    url = reverse(name, args=TABLE[name].args)

    page = client.get(url)

    if not TABLE[name].get:
        assert page.status_code == NOT_ALLOWED
    assert page.status_code < 500


def allows(rule: Rule, method: str) -> bool:
    return rule.get if method == "get" else rule.post is not None


# Strangers ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", rules(*INSIDE, make=True))
@pytest.mark.parametrize("method", ["get", "post"])
def test_sec_01_a_foreign_object_does_not_exist(workspace, as_stranger, name, method):
    url, row = address_in(workspace, name)
    assert row is not None
    before = columns_of(row)

    page = getattr(as_stranger, method)(url, {"confirm": "1"})

    wanted = {404} if allows(TABLE[name], method) else {404, NOT_ALLOWED}
    assert page.status_code in wanted
    assert columns_of(row) == before


@pytest.mark.parametrize("name", rules(*INSIDE, make=True))
def test_sec_01_a_foreign_object_and_none_look_the_same(workspace, as_stranger, name):
    url, row = address_in(workspace, name)
    assert row is not None
    missing = url.replace(str(row.pk), "01900000-0000-7000-8000-000000000000")

    foreign, none = as_stranger.get(url), as_stranger.get(missing)

    assert foreign.status_code == none.status_code
    assert len(foreign.content) == len(none.content)


# Participants ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", rules(Door.WORKSPACE))
def test_sec_01_only_who_may_change_can_post(workspace, name):
    """Each role below the rule's gets 403, each from it on does not."""
    lowest = TABLE[name].post
    for role in Role:
        url, _row = address_in(workspace, name)
        page = client_of(make_member(workspace, role=role)).post(url)
        assert page.status_code < 500, role
        if lowest is None:
            assert page.status_code == NOT_ALLOWED, role
        else:
            assert (page.status_code == 403) == (not role.at_least(lowest)), role


@pytest.mark.parametrize("name", rules(Door.WORKSPACE, get=True))
@pytest.mark.parametrize("role", list(Role))
def test_a_participant_opens_every_page_or_is_told_why_not(workspace, name, role):
    url, _row = address_in(workspace, name)

    page = client_of(make_member(workspace, role=role)).get(url)

    needed = TABLE[name].post or Role.VIEWER
    if page.status_code == 403:
        assert not role.at_least(needed)
    else:
        assert page.status_code in (200, 204, 302, 404)


# CSRF, CSP, cookies ---------------------------------------------------------------------


@pytest.mark.parametrize("name", rules(*Door, is_key=False))
def test_sec_03_no_post_without_a_token(workspace, owner, name):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    url, row = address_in(workspace, name)
    before = columns_of(row) if row else None

    page = client.post(url)

    assert page.status_code == 403
    assert "errors/csrf.html" in [template.name for template in page.templates]
    assert row is None or columns_of(row) == before


@pytest.mark.parametrize("name", rules(*Door, get=True))
@pytest.mark.parametrize("who", ["visitor", "owner"])
def test_sec_04_every_page_has_our_policy_and_no_inline_code(
    workspace, owner, client, name, who
):
    if who == "owner":
        client.force_login(owner)
    url, _row = address_in(workspace, name)

    page = client.get(url)

    policy = page["Content-Security-Policy"]
    if TABLE[name].is_frame and page.status_code == 200:
        assert "default-src 'none'" in policy
        assert "sandbox" in policy
        assert "allow-scripts" not in policy
        return
    check_policy(page)


def check_policy(page) -> None:
    policy = page["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page["X-Content-Type-Options"] == "nosniff"
    if page["Content-Type"].startswith("text/html"):
        assert inline_code_in(page.content.decode()) == []


def test_sec_04_pages_of_errors_too(as_viewer, client):
    check_policy(client.get("/nowhere/"))
    check_policy(as_viewer.post(reverse("workspace")))
    check_policy(Client(enforce_csrf_checks=True).post(reverse("account_login")))


def test_sec_03_cookies_are_kept_from_scripts_and_other_sites(
    db, client, settings: LazySettings
):
    User.objects.create_superuser("root@example.com", PASSWORD)
    login = {"login": "root@example.com", "password": PASSWORD}

    form = client.get(reverse("account_login"))
    inside = client.post(reverse("account_login"), login)

    token = form.cookies[settings.CSRF_COOKIE_NAME]
    session = inside.cookies[settings.SESSION_COOKIE_NAME]
    assert token["samesite"] == session["samesite"] == "Lax"
    assert session["httponly"]


def test_sec_03_over_https_cookies_are_secure_and_bound_to_the_host():
    # Settings are read once in a process, so this one asks another.
    code = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'pochtar.conf.settings';"
        "from django.conf import settings as s;"
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.LANGUAGE_COOKIE_SECURE,"
        " s.SESSION_COOKIE_NAME[:7], s.CSRF_COOKIE_NAME[:7], s.SECURE_HSTS_SECONDS > 0)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PUBLIC_URL": "https://mail.example.com"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["True"] * 3 + ["__Host-"] * 2 + ["True"]


# Django's administration ----------------------------------------------------------------

MODELS = [
    name
    for name, _ in names_of(get_resolver())
    if name.startswith(ADMIN) and name.endswith(("_changelist", "_add"))
]


@pytest.mark.parametrize("name", ["admin:index", *MODELS])
def test_sec_01_the_administration_is_for_staff(as_owner, client, name):
    for somebody in (client, as_owner):
        page = somebody.get(reverse(name))
        assert page.status_code == 302
        assert page["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize("name", ["admin:index", "admin:login", *MODELS])
def test_sec_04_the_administration_works_under_our_policy(db, client, name):
    client.force_login(User.objects.create_superuser("root@example.com"))

    page = client.get(reverse(name))

    # An append-only log has no "add" page.
    assert page.status_code in (200, 302, 403)
    check_policy(page)
