"""Print poetry.lock as a requirements file with hashes, for pip.

``poetry install`` reads the same lock.  ``make setup`` goes through pip because pip
is on every machine that has Python, asks only the simple index (so that a company's
mirror works), and needs no second environment for Poetry itself.

    python scripts/locked.py main test lint > requirements.txt
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parent.parent / "poetry.lock"


def requirement(package: dict[str, Any], groups: set[str]) -> str | None:
    """Return one pinned line, or None where no wanted group asks for the package."""
    wanted = groups & set(package["groups"])
    if not wanted:
        return None
    marker = package.get("markers", "")
    if isinstance(marker, dict):  # a marker for each group: the widest wins
        markers = [marker.get(group, "") for group in sorted(wanted)]
        marker = "" if "" in markers else " or ".join(f"({each})" for each in markers)
    line = f"{package['name']}=={package['version']}"
    if marker:
        line += f" ; {marker}"
    return " ".join([line, *(f"--hash={file['hash']}" for file in package["files"])])


def locked_requirements(groups: list[str]) -> list[str]:
    packages = tomllib.loads(LOCK.read_text(encoding="utf-8"))["package"]
    lines = (requirement(package, set(groups)) for package in packages)
    return [line for line in lines if line]


def main(groups: list[str]) -> None:
    lines = locked_requirements(groups or ["main"])
    sys.stdout.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main(sys.argv[1:])
