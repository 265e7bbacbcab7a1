"""``make check``: every rule that a program can check; all of them, then the verdict.

``--fix`` (``make fix``) mends what can be mended without thinking.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from steps import ROOT, say

BIN = Path(sys.executable).parent
FOLDERS = ["src", "tests", "scripts", "bench", "manage.py"]
CODE = [
    name
    for name in FOLDERS
    if (ROOT / name).is_file() or any((ROOT / name).rglob("*.py"))
]
# Settings without anybody's .env: the checks say the same on every machine.
NEUTRAL = {
    "SECRET_KEY": "only-for-checking-never-for-running",
    "ENCRYPTION_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "DEBUG": "off",
    "DATABASE_URL": "sqlite://:memory:",
}
Command = list[str]


def tool(name: str, *arguments: str) -> Command:
    return [str(BIN / name), *arguments]


def python(*arguments: str) -> Command:
    return [sys.executable, *arguments]


def tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name]


def templates() -> list[str]:
    return tracked("src/pochtar/**/templates/**/*.html")


def checks() -> dict[str, Command]:
    return {
        "format": tool("ruff", "format", "--check", "--quiet", *CODE),
        "lint": tool("ruff", "check", "--quiet", *CODE),
        "types": tool("mypy", *(name for name in CODE if name != "bench")),
        "imports": tool("lint-imports"),
        "templates": tool("djade", "--check", "--target-version=5.2", *templates()),
        "migrations": python("manage.py", "makemigrations", "--check", "--dry-run"),
        "settings": python("manage.py", "check", "--fail-level=WARNING"),
        "rules of the house": python(
            *("-m", "pytest", "-q", "-p", "no:randomly", "tests/architecture")
        ),
    }


def fixes() -> dict[str, Command]:
    modules = tracked("src/**/*.py", "tests/**/*.py")
    return {
        "old idioms": tool("django-upgrade", "--target-version=5.2", *modules),
        "lint": tool("ruff", "check", "--quiet", "--fix", *CODE),
        "format": tool("ruff", "format", "--quiet", *CODE),
        "templates": tool("djade", "--target-version=5.2", *templates()),
    }


def run_all(commands: dict[str, Command], var: str) -> list[str]:
    """Run each, even after a failure: one run shows everything there is to mend."""
    environment = os.environ | NEUTRAL | {"POCHTAR_VAR": var}
    failed: list[str] = []
    for name, command in commands.items():
        started = time.monotonic()
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        verdict = "FAILED" if done.returncode else "ok"
        say(f"{name:<20} {verdict:<7} {time.monotonic() - started:5.1f} s")
        if done.returncode:
            failed.append(name)
            say(done.stdout)
        else:
            for line in done.stdout.splitlines():
                if "SKIPPED" in line:
                    say(f"    {line}")
    return failed


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pochtar-check-") as var:
        if "--fix" in sys.argv:
            run_all(fixes(), var)  # a fixer that changed files says so by its status
            return
        failed = run_all(checks(), var)
    say(f"\nTo mend: {', '.join(failed)}" if failed else "\nAll checks passed.")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
