"""``make test``: everything that needs no browser, on SQLite and then on PostgreSQL.

The last lines say what was left out and why.  Coverage is taken over both runs and
has a floor: the floor is raised over time, never lowered.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

from postgres import find_binaries, throwaway_cluster
from steps import ROOT, say

FLOOR = 90
MAILCORE_FLOOR = 97
RESULTS = ROOT / "var" / "tests"
PARALLEL = ["-n", os.environ.get("TEST_PROCESSES", "2")]
# These never open the database, or ask it for nothing that another would answer
# otherwise (who may see what): they say the same on every one.
ONCE = [
    "tests/mailcore",
    "tests/architecture",
    "tests/interop",
    "tests/web/test_access_matrix.py",
]


def run_pytest(name: str, database: str, options: list[str], data: Path) -> bool:
    environment = os.environ | {
        "TEST_DATABASE_URL": database,
        "COVERAGE_FILE": str(data),
    }
    started = time.monotonic()
    say(f"\n== Tests on {name} ==")
    command = [
        *(sys.executable, "-m", "pytest", "--ignore=tests/e2e", *PARALLEL),
        *("--cov", "--cov-report=", f"--junitxml={RESULTS}/{name.lower()}.xml"),
        *options,
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    say(f"== {name}: {time.monotonic() - started:.0f} s ==")
    return done.returncode == 0


def run_on_postgres(left_out: list[str], data: Path) -> bool:
    options = [f"--ignore={folder}" for folder in ONCE]
    with contextlib.ExitStack() as stack:
        database = os.environ.get("TEST_DATABASE_URL", "")
        binaries = find_binaries()
        if not database and binaries is None:
            left_out.append(
                "PostgreSQL: no server binaries here (apt-get install postgresql) "
                "and no TEST_DATABASE_URL"
            )
            return True
        if not database and binaries is not None:
            database = stack.enter_context(throwaway_cluster(binaries))
        return run_pytest("PostgreSQL", database, options, data)


def check_coverage(data: list[Path]) -> bool:
    """Print what is not covered; say whether both floors hold."""
    coverage = [sys.executable, "-m", "coverage"]
    environment = os.environ | {"COVERAGE_FILE": str(RESULTS / "coverage")}
    found = [str(path) for path in data if path.exists()]
    subprocess.run(
        [*coverage, "combine", "--keep", "-q", *found],
        cwd=ROOT,
        env=environment,
        check=True,
    )
    reports = [
        ["report", "--skip-covered", f"--fail-under={FLOOR}"],
        ["report", "--include=src/mailcore/*", f"--fail-under={MAILCORE_FLOOR}"],
    ]
    say("\n== Coverage ==")
    passed = [
        subprocess.run(
            [*coverage, *report], cwd=ROOT, env=environment, check=False
        ).returncode
        == 0
        for report in reports
    ]
    return all(passed)


def main() -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    left_out: list[str] = ["The browser: make e2e"]
    data = [RESULTS / "coverage-sqlite", RESULTS / "coverage-postgresql"]
    for old in data:
        old.unlink(missing_ok=True)
    sqlite = run_pytest("SQLite", "", [], data[0])
    postgres = run_on_postgres(left_out, data[1])
    covered = check_coverage(data)
    say("\n== Result ==")
    say(f"SQLite: {'passed' if sqlite else 'FAILED'}")
    if data[1].exists() or not postgres:
        say(f"PostgreSQL: {'passed' if postgres else 'FAILED'}")
    floors = f"{FLOOR} % overall, {MAILCORE_FLOOR} % of mailcore"
    say(f"Coverage ({floors}): {'passed' if covered else 'FAILED'}")
    for line in left_out:
        say(f"Left out: {line}")
    sys.exit(0 if sqlite and postgres and covered else 1)


if __name__ == "__main__":
    main()
