"""Whether the holder of a lease still lives."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pochtar.delivery import holders
from pochtar.delivery.holders import is_alive, is_gone, this_process


def test_this_process_lives() -> None:
    assert not is_gone(this_process())
    assert is_alive(this_process())


def test_a_process_that_ended_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    host = this_process().split("|")[0]
    holder = f"{host}|{child.pid}|{holders._started(child.pid)}"
    assert not is_gone(holder)

    assert is_alive(holder)

    child.communicate(b"\n")
    assert is_gone(holder)
    assert not is_alive(holder)


def test_another_process_under_the_same_number_is_not_the_holder() -> None:
    host, pid, _started = this_process().split("|")

    assert is_gone(f"{host}|{pid}|1")


@pytest.mark.parametrize("holder", ["", "elsewhere|1|1", "x|y|z", "here"])
def test_of_what_cannot_be_seen_nothing_is_said(holder: str) -> None:
    assert not is_gone(holder)
    assert not is_alive(holder)


def test_without_proc_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr(holders, "PROC", tmp_path)
    holders._host.cache_clear()
    try:
        assert not is_gone(this_process())
    finally:
        holders._host.cache_clear()
