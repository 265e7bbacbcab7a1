"""How long the pages take on SQLite while a mailing is sent, and while one is launched.

    .venv/bin/python bench/pages_while_sending.py [--letters 50000] [--frozen 200000]

One process sends to a fast server, as a worker does; beside it another one, the real web
application, opens the list of mailings, the mailing's page, its live part and the
recipients, and saves a message, every half second.  Then a mailing to many more people
is launched in a third one.  Printed are the middle, the 95th of 100 and the worst, of
reading and of writing, as ``name: value`` lines.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from sending.sinks import Place, open_sink
from sending.workers import environment_of

EVERY = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--letters", type=int, default=50_000)
    parser.add_argument("--frozen", type=int, default=200_000)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(json.loads(options.inside))
        return
    with (
        tempfile.TemporaryDirectory(prefix="pochtar-bench-") as folder,
        open_sink() as sink,
    ):
        Bench(folder, sink).run(options.letters, options.frozen)


class Bench:
    def __init__(self, folder: str, sink: Place) -> None:
        own = {"ALLOWED_HOSTS": "testserver", "LAUNCH_UNDO_SECONDS": "0"}
        self._environment = environment_of(folder, None, 10) | own
        self._sink = sink

    def run(self, letters: int, frozen: int) -> None:
        sent, large = (self._fill(count) for count in (letters, frozen))
        self._ask("launch", mailing=sent["mailing"])
        with self._visiting(sent) as visitor:
            time.sleep(EVERY * 4)
            seconds = self._ask("drive", mailing=sent["mailing"])["seconds"]
            times = visitor.leave()
        say("messages_per_second", letters / seconds)
        tell("sending", times)
        with self._visiting(large) as visitor:
            time.sleep(EVERY * 4)
            seconds = self._ask("launch", mailing=large["mailing"])["seconds"]
            times = visitor.leave()
        say(f"launch_{frozen}_seconds", seconds)
        tell("launching", times)

    def _fill(self, recipients: int) -> dict[str, Any]:
        return self._ask("fill", recipients=recipients, port=self._sink.port)

    def _ask(self, verb: str, **values: Any) -> dict[str, Any]:
        process = self._start(verb, **values)
        output, _ = process.communicate()
        if process.returncode:
            sys.exit(f"{verb} failed: BENCH_LOUD=1 shows what it said")
        answer: dict[str, Any] = json.loads(output.splitlines()[-1])
        return answer

    def _start(self, verb: str, **values: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                sys.executable,
                __file__,
                "--inside",
                json.dumps({"verb": verb, **values}),
            ],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if "BENCH_LOUD" in os.environ else subprocess.DEVNULL,
            text=True,
        )

    def _visiting(self, place: dict[str, Any]) -> Visitor:
        return Visitor(self._start("visit", **place))


class Visitor:
    """The process that opens pages; it says when it has begun."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __enter__(self) -> Visitor:
        assert self._process.stdout
        self._process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def leave(self) -> dict[str, list[float]]:
        """Tell it to end; return the seconds of reading and of writing."""
        output, _ = self._process.communicate("leave\n")
        times: dict[str, list[float]] = json.loads(output.splitlines()[-1])
        return times


def say(name: str, value: float) -> None:
    print(f"{name}: {value:.0f}" if value >= 100 else f"{name}: {value:.2f}")


def tell(when: str, times: dict[str, list[float]]) -> None:
    for what, seconds in times.items():
        cuts = statistics.quantiles(seconds, n=20, method="inclusive")
        for name, value in {
            "p50": statistics.median(seconds),
            "p95": cuts[-1],
            "worst": max(seconds),
        }.items():
            say(f"{when}_{what}_{name}_ms", value * 1000)
        print(f"# {what}: {len(seconds)} times", file=sys.stderr)


# Inside: processes with Django ---------------------------------------------------------
def inside(request: dict[str, Any]) -> None:
    import django  # noqa: PLC0415 - settings come from the environment

    django.setup()
    from sending import crowded  # noqa: PLC0415

    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    answer = getattr(crowded, request.pop("verb"))(answers=answers, **request)
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
