"""How fast a mailing is sent, beside others on the same machine, in one run.

    make bench-send                        # or: .venv/bin/python bench/send.py
    .venv/bin/python bench/send.py --recipients 20000 --parts send,source

A run of ours on PostgreSQL (a cluster of its own unless --database-url), everything
included: 10 kB of HTML and a text, five fields and five own links, a row and the
server's reply for everybody.  Rounds alternate with the rivals; printed are medians, as
``name: value`` lines.  Processor time is that of our processes and of their PostgreSQL
back ends; the server that takes the letters is not in it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from postgres import find_binaries, throwaway_cluster
from sending import rivals
from sending.ours import Ours, Sent
from sending.signing import signing_rate
from sending.sinks import Place, find_postfix, open_own_sink, open_sink
from sending.workers import open_workers

PARTS = ("send", "source", "django", "aiosmtplib", "delay", "dkim", "freeze", "sqlite")
DELAY = 0.002
# Parts whose letters are slower, or sent twice, send fewer.
FAR_LETTERS, SIGNED_LETTERS, SQLITE_LETTERS = 20_000, 10_000, 20_000


def main() -> None:
    options = read_options()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pochtar-"))
        bench = Bench(options, folder, stack)
        bench.run()
    if options.json:
        print(json.dumps(bench.figures))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--relay", metavar="HOST:PORT", help="send there")
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="processes of ours; as many as cores, as Celery starts them",
    )
    parser.add_argument(
        "--frozen", type=int, default=1_000_000, help="recipients of the freeze"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database-url", help="an empty PostgreSQL database")
    parser.add_argument("--dkim", action="store_true", help="measure signing too")
    parser.add_argument(
        "--json", action="store_true", help="print one object at the end"
    )
    parser.add_argument("--parts", default="", help=f"of {', '.join(PARTS)}")
    options = parser.parse_args()
    usual = [name for name in PARTS if name != "dkim" or options.dkim]
    options.parts = options.parts.split(",") if options.parts else usual
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}")
    return options


class Bench:
    """The parts, each printing its figures as soon as they are known."""

    def __init__(
        self, options: argparse.Namespace, folder: str, stack: contextlib.ExitStack
    ) -> None:
        self.options = options
        self.figures: dict[str, float] = {}
        self._folder = folder
        self._stack = stack
        self._cluster = ""
        self._source = find_postfix("smtp-source")

    def run(self) -> None:
        sink = self._stack.enter_context(self._sink())
        print(f"sink: {sink.name}")
        print(f"cores: {os.cpu_count()}")
        ours = self._ours(self._database(), self.options.recipients)
        ours.warm(sink)
        parts = self.options.parts
        if "send" in parts:
            self._beside_others(ours, sink)
        if "delay" in parts:
            self._far_away(ours)
        if "dkim" in parts:
            self._signed(ours, sink)
        if "sqlite" in parts:
            self._sqlite(sink)
        if "freeze" in parts:
            self._freeze(ours)

    # Parts ----------------------------------------------------------------------------
    def _beside_others(self, ours: Ours, sink: Place) -> None:
        sent: list[Sent] = []
        rates: dict[str, list[float]] = {}
        letters = self.options.recipients
        for number in range(self.options.rounds):
            sent.append(ours.send(sink, letters))
            for name, ask in self._rivals(sink, letters, ours.size).items():
                rates.setdefault(name, []).append(ask())
            print(f"# round {number + 1}: {sent[-1].rate:.0f}/s", file=sys.stderr)
        rate = statistics.median(one.rate for one in sent)
        self._say("letter_bytes", ours.size)
        self._say("messages_per_second", rate)
        for name, found in rates.items():
            self._say(f"{name}_per_second", statistics.median(found))
            self._say(f"ratio_to_{name}", rate / statistics.median(found))
        self._say_costs(sent)

    def _say_costs(self, sent: list[Sent]) -> None:
        def middle(costs: Iterable[float]) -> float:
            return statistics.median(costs)

        self._say("cpu_us_per_message", middle(one.cpu_us for one in sent))
        self._say("cpu_us_python", middle(one.python_us for one in sent))
        self._say("cpu_us_postgres", middle(one.postgres_us for one in sent))
        for part in sent[0].parts_us:
            self._say(f"cpu_us_{part}", middle(one.parts_us[part] for one in sent))
        self._say("peak_rss_mb", max(one.peak_mb for one in sent))

    def _rivals(
        self, sink: Place, letters: int, size: int
    ) -> dict[str, Callable[[], float]]:
        """Return the wanted ones; the slower send fewer letters."""
        connections = self.options.connections
        known: dict[str, Callable[[], float]] = {
            "django": lambda: rivals.ask("django", sink, letters=letters // 50 + 50),
            "aiosmtplib": lambda: rivals.ask(
                "aiosmtplib",
                sink,
                letters=letters // 10 + 100,
                connections=connections,
            ),
        }
        wanted = {name: ask for name, ask in known.items() if self._wants(name)}
        if self._source and self._wants("source"):
            wanted["smtp_source"] = lambda: self._smtp_source(sink, letters, size)
        return wanted

    def _smtp_source(self, sink: Place, letters: int, size: int) -> float:
        assert self._source
        return rivals.smtp_source(
            self._source,
            address=sink.address,
            letters=letters,
            connections=self.options.connections,
            size=size,
        )

    def _far_away(self, ours: Ours) -> None:
        """Every reply comes 2 ms later, as from another machine."""
        letters = min(self.options.recipients, FAR_LETTERS)
        own: list[float] = []
        source: list[float] = []
        with open_own_sink(DELAY) as sink:
            ours.warm(sink)
            for _ in range(self.options.rounds):
                own.append(ours.send(sink, letters).rate)
                if self._source:
                    few = letters // 4
                    source.append(self._smtp_source(sink, few, ours.size))
        rate = statistics.median(own)
        self._say("messages_per_second_2ms", rate)
        if source:
            self._say("smtp_source_per_second_2ms", statistics.median(source))
            self._say("ratio_to_smtp_source_2ms", rate / statistics.median(source))

    def _signed(self, ours: Ours, sink: Place) -> None:
        letters = min(self.options.recipients, SIGNED_LETTERS)
        limits: list[float] = []
        rates: list[float] = []
        for _ in range(self.options.rounds):
            limits.append(signing_rate())
            rates.append(ours.send(sink, letters, dkim=True).rate)
        limit, rate = statistics.median(limits), statistics.median(rates)
        self._say("dkim_messages_per_second", rate)
        self._say("dkim_signatures_per_second", limit)
        self._say("dkim_ratio_to_signing_limit", rate / limit)

    def _sqlite(self, sink: Place) -> None:
        """One worker each, alternating; the same letters."""
        letters = min(self.options.recipients, SQLITE_LETTERS)
        postgres = self._ours(self._database(), letters, workers=1)
        sqlite = self._ours(None, letters, workers=1)
        rates: dict[str, list[float]] = {"postgres": [], "sqlite": []}
        for ours in (postgres, sqlite):
            ours.warm(sink)
        for _ in range(self.options.rounds):
            rates["postgres"].append(postgres.send(sink, letters).rate)
            rates["sqlite"].append(sqlite.send(sink, letters).rate)
        rate = statistics.median(rates["sqlite"])
        self._say("sqlite_messages_per_second", rate)
        self._say("sqlite_ratio", rate / statistics.median(rates["postgres"]))

    def _freeze(self, ours: Ours) -> None:
        worker = ours.workers[0]
        many = self.options.frozen
        crowd = worker.call("prepare", recipients=many)["workspace"]
        frozen = worker.call("freeze", workspace=crowd)
        if frozen["selected"] != many:
            raise RuntimeError(f"{frozen['selected']} of {many} were frozen")
        name = "1m" if many == 1_000_000 else many
        self._say(f"freeze_{name}_seconds", frozen["seconds"])
        chosen = worker.call("freeze_chosen", workspace=crowd)
        self._say(f"freeze_{name}_chosen_seconds", chosen["seconds"])
        self._say(f"freeze_{name}_chosen_selected", chosen["selected"])

    # What they stand on ---------------------------------------------------------------
    def _wants(self, part: str) -> bool:
        return part in self.options.parts

    def _say(self, name: str, value: float) -> None:
        self.figures[name] = value
        print(f"{name}: {value:.0f}" if value >= 100 else f"{name}: {value:.2f}")

    def _sink(self) -> contextlib.AbstractContextManager[Place]:
        if not self.options.relay:
            return open_sink()
        host, _, port = self.options.relay.rpartition(":")
        place = Place(name=self.options.relay, host=host, port=int(port))
        return contextlib.nullcontext(place)

    def _ours(self, database: str | None, recipients: int, *, workers: int = 0) -> Ours:
        folder = tempfile.mkdtemp(dir=self._folder)
        processes = self._stack.enter_context(
            open_workers(
                workers or self.options.workers,
                folder=folder,
                database=database,
                connections=self.options.connections,
            )
        )
        return Ours(processes, recipients)

    def _database(self) -> str:
        if self.options.database_url:
            return str(self.options.database_url)
        if not self._cluster:
            binaries = find_binaries()
            if binaries is None:
                sys.exit("PostgreSQL is not installed: apt-get install postgresql")
            self._cluster = self._stack.enter_context(throwaway_cluster(binaries))
        return self._cluster


if __name__ == "__main__":
    main()
