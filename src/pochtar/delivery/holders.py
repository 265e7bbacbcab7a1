"""Who holds a lease: the name of a process, and whether that process still lives.

``host|process id|start``.  The host part names the kernel's boot and the namespace of
process ids beside the host name: only where all of that is ours may the absence of a
process be believed, and its lease be taken over before it expires.
"""

from __future__ import annotations

import functools
import os
import socket
from pathlib import Path
from uuid import UUID

PROC = Path("/proc")
# The leases that threads of this process work on at this moment.  One that is ours by
# its name and not in here has lost its worker: the database was away when that worker
# wanted to give it up.
held: set[UUID | None] = set()


def this_process() -> str:
    """Return our own name as a holder."""
    return f"{_host()}|{os.getpid()}|{_started(os.getpid())}"


def is_gone(holder: str) -> bool:
    """Whether the holder is certainly dead. False for one that we cannot see."""
    host, _, rest = holder.partition("|")
    pid, _, started = rest.partition("|")
    if host != _host() or not pid.isdecimal() or not started:
        return False
    return _started(int(pid)) != started


def is_alive(holder: str) -> bool:
    """Whether the holder certainly lives. False for one that we cannot see."""
    return holder.partition("|")[0] == _host() and not is_gone(holder)


def is_forsaken(holder: str, token: UUID | None) -> bool:
    """Whether nobody will ever come back for this lease, as far as we can see."""
    mine = holder == this_process()
    return is_gone(holder) or (mine and token not in held)


@functools.cache
def _host() -> str:
    return ":".join(
        (
            socket.gethostname()[:60],
            _first_line(PROC / "sys/kernel/random/boot_id")[:36],
            _namespace(),
        )
    )


def _namespace() -> str:
    try:
        return str((PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return the process's start in clock ticks since boot, "" if there is none."""
    line = _first_line(PROC / str(pid) / "stat")
    # The second field is the name in brackets and may hold anything.
    fields = line.rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in ("Z", "X"):
        return ""
    return fields[19]


def _first_line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").partition("\n")[0]
    except OSError:
        return ""
