"""The program that opens workbooks limits itself, and says what it found (SEC-11)."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from datetime import date, datetime, timedelta
from datetime import time as clock
from types import SimpleNamespace
from typing import Any

import pytest
from python_calamine import CalamineError, PasswordError

from mailcore.sheets import LIMITS
from mailcore.sheets import child as child_program
from tests.mailcore.sheets.files import workbook, write

ROWS = [["email", "имя"], ["anna@mail.ru", "Анна"], ["petr@ya.ru", "Пётр"]]


def test_the_program_says_what_it_cannot_open(tmp_path):
    path = write(tmp_path / "a.xlsx", b"no zip")
    limits = [str(LIMITS.child_memory), "10"]

    done = subprocess.run(
        [sys.executable, "-P", child_program.__file__, str(path), "0", "0", *limits],
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, b'{"error": "broken_workbook"}\n')


@pytest.fixture
def run_here(monkeypatch, capsysbinary):
    """Run the program within the test, without its limits, and return what it says."""
    limits = []
    monkeypatch.setattr(resource, "setrlimit", lambda *limit: limits.append(limit))

    def run(path, sheet=0, rows=0):
        status = child_program.main(str(path), sheet, rows, 1 << 30, 7)
        lines = capsysbinary.readouterr().out.splitlines()
        return status, [json.loads(line) for line in lines]

    runner: Any = run
    runner.limits = limits
    return runner


def test_the_program_says_its_sheets_and_then_the_rows(tmp_path, run_here):
    path = workbook(tmp_path / "a.xlsx", [*ROWS, [True, 1.5, date(2024, 1, 2)]])

    status, said = run_here(path, sheet=-1)

    assert status == 0
    assert said[0] == {"sheets": ["Sheet"], "sheet": 0}
    assert said[1][1:] == [
        [2, [*ROWS[1], ""]],
        [3, [*ROWS[2], ""]],
        [4, ["true", "1.5", "2024-01-02"]],
    ]
    assert len(run_here(path, rows=1)[1][1]) == 1


def test_the_program_limits_itself_first_sec_11(tmp_path, run_here):
    run_here(workbook(tmp_path / "a.xlsx", ROWS))

    assert run_here.limits == [
        (resource.RLIMIT_AS, (1 << 30, 1 << 30)),
        (resource.RLIMIT_CPU, (7, 7)),
        (resource.RLIMIT_CORE, (0, 0)),
    ]


def test_an_empty_sheet_has_no_rows(tmp_path, run_here):
    assert run_here(workbook(tmp_path / "a.xlsx", []))[1] == [
        {"sheets": ["Sheet"], "sheet": 0}
    ]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PasswordError(), "encrypted"),
        (MemoryError(), "too_big"),
        (CalamineError(), "broken_workbook"),
        (OSError(), "broken_workbook"),
    ],
)
def test_the_program_has_a_code_for_each_failure(monkeypatch, run_here, error, code):
    def fail(path):
        raise error

    monkeypatch.setattr(
        child_program, "CalamineWorkbook", SimpleNamespace(from_path=fail)
    )

    assert run_here("a.xlsx") == (1, [{"error": code}])


def test_a_sheet_that_is_not_there_has_a_code(tmp_path, run_here):
    status, said = run_here(workbook(tmp_path / "a.xlsx", ROWS), sheet=5)

    assert (status, said[-1]) == (1, {"error": "no_such_sheet"})


def test_durations_and_times_are_read_as_clocks_show_them():
    assert child_program.as_text(timedelta(hours=100, seconds=1)) == "100:00:01"
    assert child_program.as_text(clock(23, 59)) == "23:59:00"
    assert child_program.as_text(datetime(2024, 1, 2)) == "2024-01-02"  # noqa: DTZ001
