"""Build the front end when its inputs changed: npm ci, then npm run build."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from steps import ROOT, Stop, digest_of, run_step, stamp_says

FRONT_END = ROOT / "frontend"
DIST = ROOT / "src" / "pochtar" / "web" / "static" / "dist"
PACKAGES_STAMP = FRONT_END / "node_modules" / ".pochtar-stamp"
BUILD_STAMP = DIST / ".pochtar-stamp"
OLDEST_NODE = 20

NO_NODE = f"""\
Node.js {OLDEST_NODE} or newer with npm is needed once, to build the pages' styles and
scripts. Is it there? `node --version` and `npm --version` should both answer.
On Debian and Ubuntu: sudo apt-get install nodejs npm
(where that gives an older one, install Node.js {OLDEST_NODE} from its makers' site)."""


def build_front_end() -> None:
    """Do nothing when the last build was made from the same files."""
    if not (FRONT_END / "package.json").is_file():
        return
    inputs = digest_of(_inputs())
    if stamp_says(BUILD_STAMP, inputs):
        return
    _check_node()
    _install_packages()
    run_step("Front end", ["npm", "run", "build"], cwd=FRONT_END)
    BUILD_STAMP.write_text(inputs, encoding="ascii")


def _install_packages() -> None:
    digest = digest_of([(FRONT_END / "package-lock.json").read_bytes()])
    if stamp_says(PACKAGES_STAMP, digest):
        return
    run_step(
        "Front end packages",
        ["npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=FRONT_END,
        hint="Is the network there? The same command tries again.",
    )
    PACKAGES_STAMP.write_text(digest, encoding="ascii")


def _inputs() -> list[bytes]:
    """Every file's name and content, but what npm and the build themselves write."""
    found: list[bytes] = []
    for path in sorted(FRONT_END.rglob("*")):
        inside = path.relative_to(FRONT_END)
        if inside.parts[0] in {"node_modules", "dist"} or not path.is_file():
            continue
        found += [str(inside).encode(), path.read_bytes()]
    return found


def _check_node() -> None:
    if not shutil.which("npm") or not shutil.which("node"):
        raise Stop(NO_NODE)
    answer = subprocess.run(
        ["node", "--version"], capture_output=True, text=True, check=False
    )
    major = answer.stdout.strip().removeprefix("v").split(".")[0]
    if not major.isdigit() or int(major) < OLDEST_NODE:
        raise Stop(NO_NODE)


def is_possible() -> bool:
    return bool(shutil.which("npm")) and Path(FRONT_END / "package.json").is_file()
