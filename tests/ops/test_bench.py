"""The benchmarks run, and print what they promise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIGURES = {
    "messages_per_second",
    "messages_per_second_2ms",
    "ratio_to_django",
    "ratio_to_aiosmtplib",
    "cpu_us_per_message",
    "cpu_us_read",
    "cpu_us_compose",
    "cpu_us_send",
    "cpu_us_record",
    "peak_rss_mb",
    "dkim_ratio_to_signing_limit",
    "freeze_500_seconds",
    "freeze_500_chosen_seconds",
    "sqlite_ratio",
}


def own_environment() -> dict[str, str]:
    """Not the database of the tests."""
    return {
        name: value for name, value in os.environ.items() if "DATABASE_URL" not in name
    }


OTHERS = {
    "imports": (
        ["--rows", "300", "--parts", "sqlite"],
        {
            "sqlite_rows_per_second",
            "sqlite_ratio_to_row_by_row",
            "sqlite_again_rows_per_second",
            "sqlite_peak_rss_mb",
        },
    ),
    "pages": (
        ["--recipients", "1200", "--repeats", "2", "--only", "sqlite"],
        {
            "sqlite_p95_ms_recipients_by_name",
            "sqlite_queries_import",
            "sqlite_p95_ms_worst",
        },
    ),
    "exports": (
        ["--recipients", "300", "--only", "sqlite"],
        {"sqlite_xlsx_rows_per_second", "sqlite_excel_csv_peak_rss_mb"},
    ),
}


@pytest.mark.skipif(
    bool(os.environ.get("TEST_DATABASE_URL")), reason="measures on SQLite"
)
@pytest.mark.parametrize("name", OTHERS)
def test_a_benchmark_runs_on_few_rows(name: str) -> None:
    options, figures = OTHERS[name]
    done = subprocess.run(
        [sys.executable, f"bench/{name}.py", *options],
        cwd=ROOT,
        env=own_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert {line.partition(": ")[0] for line in done.stdout.splitlines()} >= figures


@pytest.mark.skipif(
    not os.environ.get("TEST_DATABASE_URL"), reason="measures on PostgreSQL"
)
def test_the_benchmark_of_sending_prints_every_figure() -> None:
    """Small enough to be quick: what it prints here is worth nothing."""
    options = [
        *("--recipients", "300", "--rounds", "1", "--frozen", "500"),
        *("--connections", "2", "--dkim", "--json"),
    ]
    done = subprocess.run(
        [sys.executable, "bench/send.py", *options],
        cwd=ROOT,
        env=own_environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    *lines, figures = done.stdout.splitlines()
    printed = {line.partition(": ")[0] for line in lines}
    assert printed >= FIGURES
    assert set(json.loads(figures)) >= FIGURES
    assert all(value > 0 for name, value in json.loads(figures).items())
