"""The folder broker among several workers, some of them killed.

Each test has a queue of its own: kombu remembers bindings for the whole process.
"""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from kombu.connection import Connection

from pochtar.base.folder_broker import Transport


def connect(folder: Path) -> Any:
    options = {
        "data_folder_in": str(folder),
        "data_folder_out": str(folder),
        "control_folder": str(folder / "control"),
    }
    return Connection(
        "filesystem://localhost/", transport=Transport, transport_options=options
    )


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Any]:
    with connect(tmp_path) as connection:
        yield connection


def test_it_is_the_broker_of_a_fresh_installation() -> None:
    assert settings.CELERY_BROKER_TRANSPORT == "pochtar.base.folder_broker:Transport"


def test_every_message_comes_out_once(connection: Any) -> None:
    with connection.SimpleQueue("each") as nudges:
        for number in range(3):
            nudges.put({"slice": number})
        got = [nudges.get(timeout=1) for _ in range(3)]

    assert sorted(one.payload["slice"] for one in got) == [0, 1, 2]


def test_half_a_message_is_dropped_and_the_next_is_read(
    connection: Any, tmp_path: Path
) -> None:
    """SMTP-25: its writer was killed."""
    with connection.SimpleQueue("half") as nudges:
        (tmp_path / "0_dead.half.msg").write_text("")
        (tmp_path / "0_half.half.msg").write_text('{"body": ')
        nudges.put({"slice": 7})

        assert nudges.get(timeout=1).payload == {"slice": 7}
        with pytest.raises(queue.Empty):
            nudges.get(block=False)


def test_half_a_table_of_bindings_is_written_anew(
    connection: Any, tmp_path: Path
) -> None:
    """SMTP-25: otherwise no worker could ever start again."""
    control = tmp_path / "control"
    control.mkdir()
    (control / "table.exchange").write_text("")

    with connection.SimpleQueue("table") as nudges:
        nudges.put("hello")
        assert nudges.get(timeout=1).payload == "hello"


def _write(folder: Path, count: int) -> None:
    with connect(folder) as connection, connection.SimpleQueue("whole") as nudges:
        for number in range(count):
            nudges.put({"slice": number, "filling": "x" * 10_000})


def test_a_reader_never_sees_a_message_that_is_being_written(
    connection: Any, tmp_path: Path
) -> None:
    writer = multiprocessing.get_context("spawn").Process(
        target=_write, args=[tmp_path, 300]
    )
    writer.start()
    try:
        with connection.SimpleQueue("whole") as nudges:
            got = [nudges.get(timeout=60).payload["slice"] for _ in range(300)]
    finally:
        writer.join()

    assert sorted(got) == list(range(300))
