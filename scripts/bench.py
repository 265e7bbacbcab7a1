"""``make bench``: run every program in bench/; each prints `name: value` lines."""

from __future__ import annotations

import subprocess
import sys

from steps import ROOT, say


def main() -> None:
    programs = sorted((ROOT / "bench").glob("[a-z]*.py"))
    if not programs:
        say("There is nothing in bench/ yet.")
    results = [
        subprocess.run([sys.executable, program], cwd=ROOT, check=False).returncode
        for program in programs
    ]
    sys.exit(1 if any(results) else 0)


if __name__ == "__main__":
    main()
