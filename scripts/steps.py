"""The steps of a set-up: say what is done, keep its output, tell a failure clearly.

Everything in ``scripts/`` that runs before the packages are there uses the standard
library only.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "var" / "log"
TAIL_LINES = 30


class Stop(Exception):
    """The set-up cannot go on; the text says what happened and what to do."""


def say(text: str) -> None:
    print(text, flush=True)


def run_step(
    title: str, command: Sequence[str | Path], *, cwd: Path = ROOT, hint: str = ""
) -> None:
    """Run a command, its output in var/log; print the end of it only on failure."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"setup-{title.replace(' ', '-').lower()}.log"
    started = time.monotonic()
    say(f"  · {title} …")
    with log.open("wb") as output:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        shown = "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])
        where = log.relative_to(ROOT)
        raise Stop(
            f"{title}: failed.\n{shown}\n  Whole output: {where}\n{hint}".rstrip()
        )
    say(f"  · {title}: done in {time.monotonic() - started:.0f} s")


def digest_of(parts: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()


def stamp_says(stamp: Path, digest: str) -> bool:
    return stamp.is_file() and stamp.read_text(encoding="ascii").strip() == digest


def end(problem: Stop) -> None:
    print(f"\n{problem}", file=sys.stderr, flush=True)
    sys.exit(1)
