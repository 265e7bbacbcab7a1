from __future__ import annotations

import pytest

from pochtar.base.ids import uuid7
from pochtar.sandbox.credentials import (
    Login,
    check_login,
    sandbox_password,
    sandbox_username,
)


def test_a_workspace_logs_in_with_its_own_generated_credentials():
    workspace_id = uuid7()
    username = sandbox_username(workspace_id)

    login = check_login(username, sandbox_password(username))

    assert username == f"ws-{workspace_id.hex}"
    assert login == Login(workspace_id=workspace_id)


def test_the_system_has_a_login_of_its_own():
    assert sandbox_username(None) == "system"
    assert check_login("system", sandbox_password("system")) == Login(workspace_id=None)


def test_each_login_has_another_password():
    first, second = sandbox_username(uuid7()), sandbox_username(uuid7())

    assert sandbox_password(first) != sandbox_password(second)
    assert check_login(first, sandbox_password(second)) is None


def test_passwords_hang_on_the_secret_key(settings):
    before = sandbox_password("system")

    settings.SECRET_KEY = "quite another key, long enough for Django"

    assert check_login("system", before) is None


@pytest.mark.parametrize("username", ["", "ws-", "ws-xyz", "root", "WS-" + "0" * 32])
def test_an_unknown_login_is_refused_even_with_its_hash(username):
    assert check_login(username, sandbox_password(username)) is None
    assert check_login(username, "пароль") is None
