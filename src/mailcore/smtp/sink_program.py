"""The sink as a program of its own: for drills, benchmarks and tests."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
from pathlib import Path

from mailcore.smtp.sink import Script, Sink, Step
from mailcore.smtp.sink_faults import Faults

__all__ = ["main"]


def main() -> None:  # pragma: no cover - run by a test as a program
    """Serve until killed."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(_options()))


def _options() -> argparse.Namespace:  # pragma: no cover - run by a test as a program
    parser = argparse.ArgumentParser(prog="python -m mailcore.smtp.sink")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--delay", type=float, default=0, help="seconds before the 250")
    parser.add_argument("--faults", metavar="SEED", help="serve faults by chance")
    return parser.parse_args()


async def _serve(options: argparse.Namespace) -> None:  # pragma: no cover - as above
    script = Script(
        record=options.record,
        steps={"dot": Step(delay=options.delay)} if options.delay else {},
        keep=False,
    )
    if options.faults is not None:
        script.choose, script.in_gap = Faults(options.faults), _tell
    async with Sink(script, port=options.port) as sink:
        sys.stdout.write(f"{sink.port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def _tell(what: str, address: str) -> None:  # pragma: no cover - as above
    """Say it in one write: a line must be out before somebody kills us for it."""
    os.write(sys.stdout.fileno(), f"{what} {address}\n".encode())


if __name__ == "__main__":  # pragma: no cover - run by a test as a program
    main()
