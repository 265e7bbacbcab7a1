"""What every test stands on: settings for speed, and a cast of people."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.conf import LazySettings, settings
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.utils import timezone, translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from pochtar.accounts.models import Role, User, Workspace
from tests.ledger_guard import let_flushes_pass
from tests.make import make_member, make_user, make_workspace

hypothesis_settings.register_profile("dev", max_examples=10, deadline=None)
hypothesis_settings.register_profile(
    "ci",
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
) -> None:
    """Put SQLite's test database into a file, where it locks as it does in earnest.

    Threads and programs of their own (``sendmail``) work with it too; in memory, a
    second writer would be refused instead of waiting.
    """
    default = connections["default"]
    if default.vendor == "sqlite":
        suffix = os.environ.get("PYTEST_XDIST_WORKER", "main")
        path = f"{os.environ['POCHTAR_VAR']}/test-{suffix}.sqlite3"
        default.settings_dict["TEST"]["NAME"] = path


@pytest.fixture(scope="session", autouse=True)
def _flushes_pass_the_guard() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        let_flushes_pass(patch)
        yield


@pytest.fixture(autouse=True)
def _quick(settings: LazySettings) -> None:
    """Hash passwords cheaply, keep the cache in memory, send nothing by itself."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    }
    cache.clear()  # the rate limits' counts
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.CELERY_BROKER_URL = "memory://"
    # Each test's client makes its own middleware, which would list all static files.
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(autouse=True)
def _nobodys_language_and_time() -> None:
    """A request activates its reader's language and time zone, and leaves them so."""
    translation.activate(settings.LANGUAGE_CODE)
    timezone.deactivate()


@pytest.fixture
def owner(db: None) -> User:
    return make_user("owner@example.com")


@pytest.fixture
def workspace(owner: User) -> Workspace:
    return make_workspace(owner, name="Лавка")


@pytest.fixture
def stranger(db: None) -> User:
    """Somebody with a workspace of their own, and no part in ours."""
    user = make_user("stranger@example.com")
    make_workspace(user, name="Чужой кабинет")
    return user


@pytest.fixture
def viewer(workspace: Workspace) -> User:
    return make_member(workspace, make_user("viewer@example.com"), Role.VIEWER)


@pytest.fixture
def editor(workspace: Workspace) -> User:
    return make_member(workspace, make_user("editor@example.com"), Role.EDITOR)


@pytest.fixture
def manager(workspace: Workspace) -> User:
    return make_member(workspace, make_user("manager@example.com"), Role.MANAGER)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def as_owner(owner: User, workspace: Workspace) -> Client:
    return client_of(owner)


@pytest.fixture
def as_viewer(viewer: User) -> Client:
    return client_of(viewer)


@pytest.fixture
def as_editor(editor: User) -> Client:
    return client_of(editor)


@pytest.fixture
def as_manager(manager: User) -> Client:
    return client_of(manager)


@pytest.fixture
def as_stranger(stranger: User) -> Client:
    return client_of(stranger)
