"""The benchmark of sending runs, and prints what it promises."""

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


@pytest.mark.skipif(
    not os.environ.get("TEST_DATABASE_URL"), reason="measures on PostgreSQL"
)
def test_the_benchmark_of_sending_prints_every_figure() -> None:
    """Small enough to be quick: what it prints here is worth nothing."""
    options = [
        *("--recipients", "300", "--rounds", "1", "--frozen", "500"),
        *("--connections", "2", "--dkim", "--json"),
    ]
    environment = {
        name: value for name, value in os.environ.items() if "DATABASE_URL" not in name
    }
    done = subprocess.run(
        [sys.executable, "bench/send.py", *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    *lines, figures = done.stdout.splitlines()
    printed = {line.partition(": ")[0] for line in lines}
    assert printed >= FIGURES
    assert set(json.loads(figures)) >= FIGURES
    assert all(value > 0 for name, value in json.loads(figures).items())
