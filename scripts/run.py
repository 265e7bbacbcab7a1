"""``make run``: say at once when the port is taken, get ready, become the supervisor."""

from __future__ import annotations

import argparse
import os
import socket

from packages import PYTHON
from prepare import prepare
from steps import ROOT, Stop, end, say

HOST = "127.0.0.1"
HIGHEST_PORT = 65535


def check_port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= HIGHEST_PORT:
        raise Stop(f"PORT={text} is no port: give a number from 1 to {HIGHEST_PORT}.")
    port = int(text)
    with socket.socket() as probe:
        # As servers do: a connection that is still in TIME_WAIT takes no port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise Stop(f"Port {port} needs rights that you do not have.") from None
        except OSError:
            raise Stop(
                f"Port {port} is taken by another program on this machine.\n"
                f"Stop that one, or choose another: make run PORT={port + 137}"
            ) from None
    return port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", default="8000")
    asked = parser.parse_args()
    try:
        port = check_port(asked.port)
        say("Pochtar: getting ready (only what is missing or changed)")
        prepare(["main"], with_packages=True, with_front_end=True)
    except Stop as problem:
        end(problem)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    manage = [str(PYTHON), str(ROOT / "manage.py"), "up", "--port", str(port)]
    os.chdir(ROOT)
    os.execv(manage[0], manage)  # noqa: S606 - it becomes the supervisor itself


if __name__ == "__main__":
    main()
