"""Where this installation keeps its files, and its first .env with fresh secrets.

Settings have no defaults for secrets.  So that ``migrate`` and ``runserver`` work at
once in a fresh checkout, ``manage.py`` writes a .env with random ones when neither
the file nor the environment has them.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

TEMPLATE = """\
# Written at the first start. docs/reference/configuration.md explains every name.
# DEBUG=on is for one's own machine: it shows the sandbox's letters of a fresh
# registration without a login, and tracebacks. Turn it off on a server.
DEBUG=on
SECRET_KEY={secret_key}
# Encrypts the passwords of SMTP servers. Keep a copy: without it they are lost.
ENCRYPTION_KEY={encryption_key}
"""


def var_directory() -> Path:
    """Return the folder of everything that changes: database, broker, media, .env."""
    return Path(os.environ.get("POCHTAR_VAR") or ROOT / "var").resolve()


def env_file() -> Path:
    """Return the .env in use: beside the code, or in POCHTAR_VAR where that is set."""
    if os.environ.get("POCHTAR_VAR"):
        return var_directory() / ".env"
    return ROOT / ".env"


def ensure_env_file() -> None:
    """Write the first .env, unless there is one or the environment has the secrets."""
    path = env_file()
    if path.exists() or {"SECRET_KEY", "SECRET_KEY_FILE"} & os.environ.keys():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    text = TEMPLATE.format(
        secret_key=secrets.token_urlsafe(48),
        encryption_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    )
    # Exclusive creation: two first commands at once must agree on one set of keys.
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
