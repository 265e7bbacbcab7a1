"""``make e2e``: the browser tests.  Screenshots are kept in var/."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from steps import ROOT, Stop, end

# Most of the time a test waits: for the browser, for a server, for a mailing.
PARALLEL = ("-n", os.environ.get("TEST_PROCESSES", "2"), "--dist", "worksteal")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    if not any(shutil.which(name) for name in BROWSERS):
        end(
            Stop(
                "No Chromium here. On Debian and Ubuntu: sudo apt-get install chromium"
            )
        )
    results = ROOT / "var" / "tests"
    results.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(ROOT / "var" / "e2e", ignore_errors=True)
    command = [
        *(sys.executable, "-m", "pytest", "tests/e2e", "-m", "e2e", *PARALLEL),
        *("-p", "no:randomly", f"--junitxml={results}/e2e.xml", *sys.argv[1:]),
    ]
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    main()
