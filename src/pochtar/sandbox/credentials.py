"""The logins of the sandbox: one for the system's mail, one for each workspace.

Nothing is stored: a password is a keyed hash of its login under SECRET_KEY, so that
any process of the installation knows it, and a new SECRET_KEY changes them all.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from uuid import UUID

from django.utils.crypto import constant_time_compare, salted_hmac

SYSTEM = "system"
WORKSPACE_PREFIX = "ws-"
PURPOSE = "pochtar.sandbox.credentials"  # a hash made for this opens nothing else
PASSWORD_BYTES = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Whose letters a login brings: a workspace's, or (None) the system's."""

    workspace_id: UUID | None


def sandbox_username(workspace_id: UUID | None) -> str:
    """Return the login for a workspace's letters, or for the system's."""
    return SYSTEM if workspace_id is None else f"{WORKSPACE_PREFIX}{workspace_id.hex}"


def sandbox_password(username: str) -> str:
    """Return the password that belongs to the login."""
    digest = salted_hmac(PURPOSE, username, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest[:PASSWORD_BYTES]).decode()


def check_login(username: str, password: str) -> Login | None:
    """Return whose login this is; None for an unknown login or a wrong password.

    Whether the workspace exists is not asked here.
    """
    if not constant_time_compare(sandbox_password(username), password):
        return None
    if username == SYSTEM:
        return Login(workspace_id=None)
    try:
        found = UUID(hex=username.removeprefix(WORKSPACE_PREFIX))
    except ValueError:
        return None
    return Login(workspace_id=found) if sandbox_username(found) == username else None
