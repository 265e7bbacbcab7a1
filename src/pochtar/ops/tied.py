"""Become a program that ends when its parent does, even when that one is killed.

    python tied.py <pid of the parent> <program> <argument>…

Run by path, in a process of its own, so that nothing of a half-copied parent runs
between fork and exec.  On Linux the kernel sends SIGTERM when the parent is gone;
elsewhere the program is simply started.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie_to_parent() -> None:
    """Ask the kernel to end this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def main(parent: int, command: list[str]) -> None:
    tie_to_parent()
    if sys.platform == "linux" and os.getppid() != parent:
        return  # it went before we could ask
    os.execvp(command[0], command)  # noqa: S606 - the supervisor's own list


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
