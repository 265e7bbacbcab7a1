"""``make test``: everything that needs no browser, on SQLite and then on PostgreSQL.

The last lines say what was left out and why.  Coverage has a floor, which is raised over
time, never lowered; it is taken on SQLite alone, since taking it slows a run down.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

from postgres import find_binaries, throwaway_cluster
from steps import ROOT, say

FLOOR = 93
MAILCORE_FLOOR = 97
RESULTS = ROOT / "var" / "tests"
COVERAGE = RESULTS / "coverage"
PARALLEL = ["-n", os.environ.get("TEST_PROCESSES", "2")]
# These never open the database, or ask it for nothing that another would answer
# otherwise (who may see what): they say the same on every one.
ONCE = [
    "tests/mailcore",
    "tests/architecture",
    "tests/interop",
    "tests/web/test_access_matrix.py",
]


def run_pytest(name: str, database: str, options: list[str]) -> bool:
    environment = os.environ | {
        "TEST_DATABASE_URL": database,
        "COVERAGE_FILE": str(COVERAGE),
    }
    started = time.monotonic()
    say(f"\n== Tests on {name} ==")
    command = [
        *(sys.executable, "-m", "pytest", "--ignore=tests/e2e", *PARALLEL),
        f"--junitxml={RESULTS}/{name.lower()}.xml",
        *options,
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    say(f"== {name}: {time.monotonic() - started:.0f} s ==")
    return done.returncode == 0


def run_on_postgres(left_out: list[str]) -> bool | None:
    """Say whether all passed; None where there is no PostgreSQL."""
    options = [f"--ignore={folder}" for folder in ONCE]
    with contextlib.ExitStack() as stack:
        database = os.environ.get("TEST_DATABASE_URL", "")
        binaries = find_binaries()
        if not database and binaries is None:
            left_out.append(
                "PostgreSQL: no server binaries here (apt-get install postgresql) "
                "and no TEST_DATABASE_URL"
            )
            return None
        if not database and binaries is not None:
            database = stack.enter_context(throwaway_cluster(binaries))
        return run_pytest("PostgreSQL", database, options)


def check_coverage() -> bool:
    """Print what is not covered; say whether both floors hold."""
    coverage = [sys.executable, "-m", "coverage"]
    environment = os.environ | {"COVERAGE_FILE": str(COVERAGE)}
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
    COVERAGE.unlink(missing_ok=True)
    sqlite = run_pytest("SQLite", "", ["--cov", "--cov-report="])
    postgres = run_on_postgres(left_out)
    covered = check_coverage()
    say("\n== Result ==")
    say(f"SQLite: {'passed' if sqlite else 'FAILED'}")
    if postgres is not None:
        say(f"PostgreSQL: {'passed' if postgres else 'FAILED'}")
    floors = f"{FLOOR} % overall, {MAILCORE_FLOOR} % of mailcore"
    say(f"Coverage ({floors}): {'passed' if covered else 'FAILED'}")
    for line in left_out:
        say(f"Left out: {line}")
    sys.exit(0 if sqlite and postgres is not False and covered else 1)


if __name__ == "__main__":
    main()
