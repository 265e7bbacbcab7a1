"""Bring this checkout to where it can run: packages and front end, what changed only.

python scripts/prepare.py --groups main test lint
python scripts/prepare.py --only-frontend
"""

from __future__ import annotations

import argparse
import fcntl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import front_end
import packages
from steps import ROOT, Stop, end


def prepare(groups: list[str], *, with_packages: bool, with_front_end: bool) -> None:
    """Packages and front end wait for the network most of the time: do both at once."""
    jobs: list[Callable[[], None]] = []
    if with_packages:
        jobs.append(lambda: packages.install_packages(groups))
    if with_front_end:
        jobs.append(front_end.build_front_end)
    lock = ROOT / "var" / "setup.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held, ThreadPoolExecutor(len(jobs)) as pool:
        fcntl.flock(held, fcntl.LOCK_EX)  # a second make waits for the first
        for job in [pool.submit(job) for job in jobs]:
            job.result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", nargs="+", default=["main"])
    parser.add_argument("--no-frontend", action="store_true")
    parser.add_argument("--only-frontend", action="store_true")
    asked = parser.parse_args()
    try:
        prepare(
            asked.groups,
            with_packages=not asked.only_frontend,
            with_front_end=not asked.no_frontend,
        )
    except Stop as problem:
        end(problem)


if __name__ == "__main__":
    main()
