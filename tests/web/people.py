"""Somebody who can log in, and the login."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import reverse

from pochtar.accounts.models import User
from tests.make import PASSWORD, make_user, make_workspace


def make_confirmed(email: str = "boris@example.com") -> User:
    """Make a person with a workspace, whose address is confirmed."""
    user = make_user(email)
    make_workspace(user)
    EmailAddress.objects.create(
        user=user, email=user.email, verified=True, primary=True
    )
    return user


def log_in(client: Client, email: str, password: str = PASSWORD, **kwargs: Any) -> Any:
    data = {"login": email, "password": password}
    return client.post(reverse("account_login"), data, **kwargs)
