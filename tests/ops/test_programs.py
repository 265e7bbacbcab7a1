"""Ports, the lock of an installation, and what the supervisor is given to start."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from pochtar.ops import programs


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.fixture
def nobody_chose(settings, tmp_path, monkeypatch):
    """An installation whose .env names no port for the sandbox."""
    settings.ENV_FILE = tmp_path / ".env"
    settings.ENV_FILE.write_text("DEBUG=on\n")
    # Set, then taken away: so that it is put back whatever the test does.
    monkeypatch.setenv("SANDBOX_PORT", "1")
    monkeypatch.delenv("SANDBOX_PORT")


def test_a_free_port_is_kept(settings, nobody_chose, taken_port):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings.SANDBOX_PORT = probe.getsockname()[1]

    assert programs.settle_sandbox_port() == settings.SANDBOX_PORT
    assert settings.ENV_FILE.read_text() == "DEBUG=on\n"


def test_the_next_free_port_is_remembered(settings, nobody_chose, taken_port):
    settings.SANDBOX_PORT = taken_port

    port = programs.settle_sandbox_port()

    assert port is not None
    assert port > taken_port
    assert settings.ENV_FILE.read_text() == f"DEBUG=on\nSANDBOX_PORT={port}\n"
    assert os.environ["SANDBOX_PORT"] == str(port)


def test_a_taken_port_that_somebody_chose_is_not_changed(
    settings, nobody_chose, taken_port, monkeypatch
):
    monkeypatch.setenv("SANDBOX_PORT", str(taken_port))
    settings.SANDBOX_PORT = taken_port

    assert programs.settle_sandbox_port() is None
    assert settings.ENV_FILE.read_text() == "DEBUG=on\n"


def test_an_installation_runs_once(settings, tmp_path):
    settings.VAR = tmp_path

    first = programs.lock_installation()
    assert first is not None
    with first:
        assert programs.lock_installation() is None
    again = programs.lock_installation()

    assert again is not None
    again.close()


def test_commands_know_the_address_of_what_is_running(settings, tmp_path):
    settings.VAR = tmp_path
    assert programs.current_address() == settings.PUBLIC_URL

    lock = programs.lock_installation()
    assert lock is not None
    with lock:
        programs.note_address(lock, "http://127.0.0.1:8137")
        assert programs.current_address() == "http://127.0.0.1:8137"

    assert programs.current_address() == settings.PUBLIC_URL


def test_the_programs_find_our_code_and_settings(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")

    environment = programs.environment()

    assert environment["PYTHONPATH"].endswith("src" + os.pathsep + "/elsewhere")
    assert environment["DJANGO_SETTINGS_MODULE"] == "pochtar.conf.settings"


def test_the_sandbox_is_stopped_last():
    chosen = [programs.web("127.0.0.1", 8000), programs.worker(), programs.sandbox()]

    assert [program.name for program in chosen if program.last] == ["sandbox"]
