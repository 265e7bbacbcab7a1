"""``manage.py doctor``: says what is wrong, and exits with 1 when something is."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from pochtar.base.ids import uuid7
from pochtar.delivery.models import Delivery, Run, Tally
from pochtar.mailings import demo
from pochtar.ops import diagnosis
from pochtar.recipients.consent import record_address
from pochtar.recipients.models import (
    ConsentEntry,
    ConsentKind,
    ConsentSource,
    Recipient,
    Subscription,
    SuppressionReason,
)
from pochtar.recipients.stoplist import stop_address
from tests.ledger_guard import guard_open
from tests.make import make_recipient


@contextmanager
def greeting(line: bytes) -> Iterator[int]:
    """A server that says one line and hangs up; yield its port."""

    class Greeter(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(line)

    with socketserver.TCPServer(("127.0.0.1", 0), Greeter) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def doctor(*subject: str) -> tuple[int, str]:
    output = StringIO()
    try:
        call_command("doctor", *subject, stdout=output, no_color=True)
    except SystemExit as end:
        return int(str(end.code)), output.getvalue()
    return 0, output.getvalue()


def test_sound_settings_are_called_well():
    assert diagnosis.settings_are_sound()[0]


def test_debug_on_a_public_address_is_called_out(settings):
    settings.DEBUG, settings.PUBLIC_HOST = True, "mail.example.com"

    well, text = diagnosis.settings_are_sound()

    assert not well
    assert "DEBUG" in text


@pytest.mark.parametrize("key", ["", "c2hvcnQ=", "not base64 at all"])
def test_a_key_of_another_length_is_called_out(settings, key):
    settings.ENCRYPTION_KEY = key

    assert not diagnosis.settings_are_sound()[0]


def test_a_migrated_database_is_called_well(db):
    assert diagnosis.database_is_up_to_date()[0]


def test_a_broker_that_does_not_answer_is_called_out(settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {}

    assert not diagnosis.broker_answers()[0]


def test_a_folder_is_a_broker_that_answers(settings, tmp_path):
    settings.CELERY_BROKER_URL = "filesystem://localhost/"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(tmp_path),
        "data_folder_out": str(tmp_path),
        "control_folder": str(tmp_path / "control"),
    }

    assert diagnosis.broker_answers() == (True, str(tmp_path))


def test_a_missing_front_end_says_what_to_run(settings, tmp_path):
    settings.PACKAGE = tmp_path

    well, text = diagnosis.front_end_is_built()

    assert not well
    assert "make setup" in text


def test_a_sandbox_that_greets_is_called_well(settings):
    with greeting(b"220 sandbox\r\n") as settings.SANDBOX_PORT:
        assert diagnosis.sandbox_greets()[0]


def test_another_program_on_the_sandboxs_port_is_told_apart(settings):
    with greeting(b"SSH-2.0-OpenSSH\r\n") as settings.SANDBOX_PORT:
        well, text = diagnosis.sandbox_greets()

    assert not well
    assert str(settings.SANDBOX_PORT) in text


def test_a_silent_port_says_how_to_start_the_sandbox(settings):
    settings.SANDBOX_PORT = 1

    well, text = diagnosis.sandbox_greets()

    assert not well
    assert "make run" in text


def test_a_relay_that_answers_nonsense_is_called_out(settings):
    with greeting(b"hello\r\n") as port:
        settings.SYSTEM_SMTP_URL = f"smtp://127.0.0.1:{port}?tls=none"

        assert not diagnosis.system_relay_lets_us_in()[0]


def test_the_command_prints_each_part_and_exits_with_one(db, settings):
    settings.SANDBOX_PORT = 1

    status, text = doctor()

    assert status == 1
    assert text.count("✓") + text.count("✗") == 5


@pytest.fixture
def runs(db, monkeypatch) -> None:
    monkeypatch.setattr(demo, "PEOPLE", 60)
    demo.build_demo(now=timezone.now())


def test_a_ledger_that_adds_up_exits_with_zero(runs):
    status, text = doctor("ledger")

    assert status == 0
    assert str(Run.objects.count()) in text


def test_a_ledger_that_does_not_add_up_exits_with_one(runs):
    Tally.objects.filter(pk=Tally.objects.earliest("pk").pk).update(accepted=9999)

    status, text = doctor("ledger")

    assert status == 1
    assert "9999" in text


def test_an_attempt_without_its_delivery_is_reported(runs):
    deliveries = Delivery.objects.filter(run=Run.objects.earliest("pk"))
    deliveries._raw_delete(deliveries.db)

    status, text = doctor("ledger")

    assert status == 1
    assert "attempts have no delivery" in text


def test_recipients_whose_owners_are_all_there_exit_with_zero(runs):
    assert doctor("recipients")[0] == 0


def test_rows_that_have_lost_their_owner_are_reported(workspace):
    """No database checks it: see 0015-imports.md."""
    stray = make_recipient(workspace, email="a@example.com")
    Recipient.objects.filter(pk=stray.pk).update(workspace=uuid7())
    Subscription.objects.create(list_id=uuid7(), recipient_id=uuid7())

    status, text = doctor("recipients")

    assert status == 1
    assert text.count("✗") == 4


def test_law_01_the_consent_ledgers_are_verified_and_the_bad_row_is_named(workspace):
    rows = [
        record_address(
            workspace,
            f"p{number}@example.com",
            kind=ConsentKind.GIVEN,
            source=ConsentSource.PERSON,
        )
        for number in range(3)
    ]
    status, said = doctor("consent")
    assert (status, "3" in said) == (0, True)

    with guard_open():
        ConsentEntry.objects.filter(pk=rows[1].pk).update(wording="forged")

    status, said = doctor("consent")
    assert status == 1
    assert f"{workspace.pk}, " in said
    assert f"(row {rows[1].pk})" in said


def test_bnc_07_flags_that_differ_from_the_stop_list_are_counted(workspace, owner):
    make_recipient(workspace, "a@example.com")
    stop_address(workspace, "a@example.com", reason=SuppressionReason.MANUAL, by=owner)
    assert doctor("stoplist")[0] == 0

    Recipient.objects.update(suppressed=False)

    status, said = doctor("stoplist")
    assert status == 1
    assert str(workspace.pk) in said
