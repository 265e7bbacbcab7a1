"""``manage.py up`` around its supervisor: refusals, the welcome, what it passes on."""

from __future__ import annotations

import http.server
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from pochtar.ops import programs
from pochtar.ops.management.commands import runserver, up
from pochtar.ops.supervisor import Program


@pytest.fixture(autouse=True)
def own_installation(settings, tmp_path, monkeypatch):
    settings.VAR = tmp_path
    settings.ENV_FILE = tmp_path / ".env"
    settings.SANDBOX_PORT = free_port()
    for name in ("PUBLIC_URL", "SANDBOX_PORT"):
        monkeypatch.setenv(name, "put back at the end")
        monkeypatch.delenv(name)
    monkeypatch.setattr(up, "call_command", lambda *args, **options: None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def page() -> Iterator[int]:
    """A page that answers 200; its port."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def small(name: str, code: str) -> Program:
    return Program(name=name, command=(sys.executable, "-c", code))


STAYS = "import time; print('here', flush=True); time.sleep(60)"


def test_a_taken_port_is_refused(page):
    with pytest.raises(CommandError, match=str(page)):
        call_command("up", port=page)


def test_a_sandbox_port_that_somebody_chose_and_is_taken_is_refused(
    page, settings, monkeypatch
):
    monkeypatch.setenv("SANDBOX_PORT", str(page))
    settings.SANDBOX_PORT = page

    with pytest.raises(CommandError, match="SANDBOX_PORT"):
        call_command("up", port=free_port())


def test_a_second_one_from_the_same_folder_is_refused():
    lock = programs.lock_installation()
    assert lock is not None
    with lock, pytest.raises(CommandError):
        call_command("up", port=free_port())


def test_runserver_finds_the_rest_running_already():
    lock = programs.lock_installation()
    assert lock is not None
    output = StringIO()
    with lock:
        call_command("up", without_web=True, stdout=output)

    assert output.getvalue()


def test_the_address_is_told_once_the_page_answers(page, monkeypatch):
    """The page plays the web; the welcome is followed by a request to stop."""
    monkeypatch.setattr(programs, "port_is_free", lambda host, port: True)
    monkeypatch.setattr(programs, "web", lambda host, port: small("web", STAYS))
    monkeypatch.setattr(programs, "worker", lambda: small("worker", STAYS))
    monkeypatch.setattr(programs, "sandbox", lambda: small("sandbox", STAYS))
    welcome = up.Command._welcome

    def welcome_and_stop(self, host, port):
        welcome(self, host, port)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(up.Command, "_welcome", welcome_and_stop)
    output = StringIO()

    call_command("up", port=page, stdout=output, no_color=True)

    assert f"http://127.0.0.1:{page}/" in output.getvalue()
    assert "signup" in output.getvalue()


def test_a_page_that_does_not_answer_is_not_served():
    assert not up._page_is_served("127.0.0.1", free_port())


def test_lines_carry_the_name_of_their_program():
    output = StringIO()

    up.Command(stdout=output, no_color=True)._line("worker", "done")

    assert output.getvalue() == "worker  | done\n"


def test_a_restart_and_a_surrender_are_told():
    errors = StringIO()
    command = up.Command(stderr=errors, no_color=True)

    command._restarts("web", 3, 2.0)
    command._gave_up("web", 3)

    assert errors.getvalue().count("web") == 2


def test_runserver_says_at_once_that_its_port_is_taken(page):
    with pytest.raises(CommandError, match=str(page)):
        call_command("runserver", f"127.0.0.1:{page}", use_reloader=False)


def test_runserver_alone_starts_nothing_else(monkeypatch):
    served = []
    # Django's own, and nothing may be started beside it.
    django_runs = "django.core.management.commands.runserver.Command.run"
    monkeypatch.setattr(django_runs, lambda self, **options: served.append(1))
    monkeypatch.setattr(runserver.Command, "_build_front_end", lambda self: None)
    monkeypatch.setattr("subprocess.Popen", None)

    call_command("runserver", f"127.0.0.1:{free_port()}", alone=True)

    assert served == [1]
    assert os.environ["PUBLIC_URL"].startswith("http://127.0.0.1:")
