"""What every test stands on: settings for speed, and a cast of people."""

from __future__ import annotations

import os
import tempfile

# Before Django reads its settings: a folder and secrets of the tests' own.
os.environ["POCHTAR_VAR"] = tempfile.mkdtemp(prefix="pochtar-test-")
os.environ["SECRET_KEY"] = "tests-only-secret-key-0123456789abcdef0123456789"
os.environ["ENCRYPTION_KEY"] = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
os.environ["DEBUG"] = "off"
os.environ["PUBLIC_URL"] = "http://testserver"
os.environ["ALLOWED_HOSTS"] = "testserver,127.0.0.1,localhost"
os.environ["ALLOW_PRIVATE_RELAYS"] = "on"
if os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
else:
    os.environ.pop("DATABASE_URL", None)

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from pochtar.accounts.models import Role, User, Workspace
from tests.make import make_member, make_user, make_workspace

hypothesis_settings.register_profile("dev", max_examples=10, deadline=None)
hypothesis_settings.register_profile(
    "ci",
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.load_profile("ci" if os.environ.get("CI") else "dev")


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
