"""``make drill``: ``manage.py drill`` on SQLite, then on PostgreSQL where it is installed.

Options are handed on to each drill.
"""

from __future__ import annotations

import subprocess
import sys
import time

from postgres import find_binaries
from steps import ROOT, say


def run_drill(database: str) -> bool:
    say(f"\n== Drill on {database} ==")
    started = time.monotonic()
    command = [sys.executable, str(ROOT / "manage.py"), "drill", "--database", database]
    done = subprocess.run([*command, *sys.argv[1:]], cwd=ROOT, check=False)
    say(f"== {database}: {time.monotonic() - started:.0f} s ==")
    return done.returncode == 0


def main() -> None:
    databases, left_out = ["sqlite", "postgres"], []
    if find_binaries() is None:
        databases.remove("postgres")
        left_out.append(
            "PostgreSQL: no server binaries here (apt-get install postgresql)"
        )
    passed = {database: run_drill(database) for database in databases}
    say("\n== Result ==")
    for database, well in passed.items():
        say(f"{database}: {'nobody lost, nobody twice' if well else 'FAILED'}")
    for line in left_out:
        say(f"Left out: {line}")
    sys.exit(0 if all(passed.values()) else 1)


if __name__ == "__main__":
    main()
