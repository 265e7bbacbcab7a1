"""The benchmark of imports runs, and prints what it promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIGURES = (
    "rows_per_second",
    "ratio_to_row_by_row",
    "peak_rss_mb",
    "again_rows_per_second",
    "seconds_to_searchable",
)


@pytest.mark.skipif(
    not os.environ.get("TEST_DATABASE_URL"), reason="measures on PostgreSQL"
)
def test_the_benchmark_of_imports_prints_every_figure() -> None:
    """Small enough to be quick: what it prints here is worth nothing."""
    environment = {
        name: value for name, value in os.environ.items() if "DATABASE_URL" not in name
    }
    done = subprocess.run(
        [sys.executable, "bench/imports.py", "--rows", "300", "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    *lines, figures = done.stdout.splitlines()
    printed = {line.partition(": ")[0] for line in lines}
    wanted = {f"{prefix}{name}" for prefix in ("", "sqlite_") for name in FIGURES}
    assert printed >= wanted
    found = json.loads(figures)
    assert all(found[name] > 0 for name in wanted)
