"""The scripted server itself: its faults must be the faults that tests ask for."""

from __future__ import annotations

import contextlib
import gc
import smtplib
import socket
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

from mailcore.smtp.sink import Script, Sink, Step, sink_in_thread
from tests.mailcore.smtp.dialogue import connect, letter


def test_an_independent_client_can_send_through_it(tmp_path: Path) -> None:
    record = tmp_path / "record"
    message = "Message-ID: <1@x>\r\nSubject: hi\r\n\r\n.dot\r\n"
    with (
        sink_in_thread(Script(record=record)) as sink,
        smtplib.SMTP("127.0.0.1", sink.port) as client,
    ):
        assert client.noop()[0] == 250
        assert client.docmd("VRFY", "x")[0] == 502
        client.sendmail("a@example.com", ["b@example.com"], message)

    assert sink.accepted[0].data.endswith(b"\r\n.dot\r\n")
    assert record.read_text() == "<1@x> b@example.com\n"


def test_a_letter_without_recipient_or_name_is_handled(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with (
        sink_in_thread(Script(record=record)) as sink,
        smtplib.SMTP("127.0.0.1", sink.port) as client,
    ):
        client.helo()
        assert client.docmd("DATA")[0] == 503
        assert client.docmd("MAIL", "nonsense")[0] == 250
        client.sendmail("a@example.com", ["b@example.com"], "hi")

    assert record.read_text() == "- b@example.com\n"


async def test_an_answer_may_come_before_the_connection_drops() -> None:
    steps = {"body": Step("552 5.3.4 too much")}
    async with Sink(Script(steps=steps)) as sink:
        session = await connect(sink)
        outcome = await session.send(letter())

    assert outcome.reply
    assert outcome.reply.code == 552


async def test_bytes_are_not_kept_when_nobody_wants_them() -> None:
    async with Sink(Script(keep=False)) as sink:
        session = await connect(sink)
        await session.send(letter())
        session.abort()

    assert (sink.taken, sink.accepted) == (1, [])


def test_a_sink_that_cannot_start_says_so() -> None:
    with sink_in_thread() as sink, pytest.raises(OSError, match="in use"):
        sink_in_thread(port=sink.port).__enter__()


def test_it_runs_as_a_program() -> None:
    program = [sys.executable, "-m", "mailcore.smtp.sink", "--delay", "0.001"]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    try:
        port = int(process.stdout.readline())
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.sendmail("a@example.com", ["b@example.com"], "hi")
    finally:
        process.terminate()
        process.communicate()


def test_who_knocks_at_the_last_moment_leaves_no_socket_behind() -> None:
    """A socket that is found open later fails the test that happens to run then."""
    gc.collect()
    callers: list[socket.socket] = []

    def call(port: int) -> None:
        with contextlib.suppress(OSError):
            callers.append(socket.create_connection(("127.0.0.1", port), timeout=5))

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for pause in range(20):
            with sink_in_thread() as sink:
                threads = [
                    threading.Thread(target=call, args=[sink.port]) for _ in range(5)
                ]
                for thread in threads:
                    thread.start()
                time.sleep(pause / 10_000)
            for thread in threads:
                thread.join()
        for caller in callers:
            caller.close()
        gc.collect()

    assert [str(one.message) for one in found] == []
