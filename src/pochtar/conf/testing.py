"""The environment of a test run: a folder and secrets of its own, nobody's .env.

A pytest plugin (``-p pochtar.conf.testing``), because the settings are read before the
first conftest is.  ``TEST_DATABASE_URL`` chooses another database than SQLite.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

VAR = tempfile.mkdtemp(prefix="pochtar-test-")
atexit.register(shutil.rmtree, VAR, ignore_errors=True)

os.environ.update(
    POCHTAR_VAR=VAR,
    SECRET_KEY="tests-only-secret-key-0123456789abcdef0123456789",  # noqa: S106
    ENCRYPTION_KEY="MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    DEBUG="off",
    PUBLIC_URL="http://testserver",
    ALLOWED_HOSTS="testserver,127.0.0.1,localhost",
    ALLOW_PRIVATE_RELAYS="on",
    # Nobody: tests that ask DNS start a server of their own (tests/nameserver.py).
    DNS_NAMESERVER="127.0.0.1",
    DNS_PORT="9",
    DNS_TIMEOUT="0.5",
    MX_LOOKUPS="off",
    # A test's run ends with the first answers, unless it is about trying again.
    RETRY_HOURS="0",
    LAUNCH_UNDO_SECONDS="0",
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{VAR}/db.sqlite3",
)
