"""How long the pages of a business with a million recipients take, on the server.

    .venv/bin/python bench/pages.py [--recipients 1000000] [--only sqlite|postgres]

Fills a database of its own in a temporary folder (some minutes; ten subscriptions and
five attempts a recipient), asks the pages through Django's whole stack (middleware,
view, template), taking turns, and prints p50 and p95 and the number of queries of each
as `name: value` lines.  A name begins with ``sqlite_`` where it is not PostgreSQL.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 20
# As docs/howto/server.md recommends: the defaults are made for 128 MB and slow disks.
SETTINGS = ("shared_buffers=1GB", "random_page_cost=1.1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["sqlite", "postgres"], default="postgres")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        measure(options.inside, options.recipients, options.repeats)
        return
    run(options.only, options.recipients, options.repeats)


def run(name: str, recipients: int, repeats: int) -> None:
    """Start this program again with a database of its own (settings are read once)."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import postgres  # noqa: PLC0415 - of scripts/, which is no package

    with tempfile.TemporaryDirectory(prefix="pochtar-bench-") as folder:
        if name == "sqlite":
            _inside(name, recipients, repeats, folder, "")
            return
        binaries = postgres.find_binaries()
        if binaries is None:
            print("postgres: not installed, left out")
            return
        with postgres.throwaway_cluster(binaries, *SETTINGS) as address:
            _inside(name, recipients, repeats, folder, address)


def _inside(
    name: str, recipients: int, repeats: int, folder: str, address: str
) -> None:
    environment = {
        **os.environ,
        "POCHTAR_VAR": folder,
        "DATABASE_URL": address,
        "DEBUG": "off",
        "SECRET_KEY": "bench-only-" * 6,
        "ENCRYPTION_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "ALLOWED_HOSTS": "testserver",
        "DJANGO_SETTINGS_MODULE": "pochtar.conf.settings",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'bench'}",
    }
    if name == "sqlite":  # settings add our pragmas to a database of ours only
        environment.pop("DATABASE_URL")
    command = [sys.executable, __file__, "--inside", name]
    command += ["--recipients", str(recipients), "--repeats", str(repeats)]
    subprocess.run(command, env=environment, check=True)


def measure(name: str, recipients: int, repeats: int) -> None:
    import django  # noqa: PLC0415 - settings come from the environment set above

    django.setup()
    warnings.simplefilter("ignore")
    from business.fill import fill  # noqa: PLC0415
    from business.places import pages  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    prefix = "" if name == "postgres" else f"{name}_"
    started = time.perf_counter()
    user, workspace = fill(recipients)
    print(f"{prefix}fill_seconds: {time.perf_counter() - started:.0f}", flush=True)
    client = Client()
    client.force_login(user)
    worst = 0.0
    asked = dict(pages(workspace))
    for label, times, queries in timed(client, asked, repeats):
        p95 = statistics.quantiles(times, n=20)[-1]
        worst = max(worst, p95)
        print(f"{prefix}p50_ms_{label}: {statistics.median(times):.0f}")
        print(f"{prefix}p95_ms_{label}: {p95:.0f}")
        print(f"{prefix}queries_{label}: {queries}", flush=True)
    print(f"{prefix}p95_ms_worst: {worst:.0f}")


def timed(
    client, asked: dict[str, str], repeats: int
) -> Iterator[tuple[str, list[float], int]]:
    """Ask each page once unmeasured, then all of them in turn."""
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    from pochtar.conf.loaded import keep_what_is_loaded  # noqa: PLC0415

    queries = {}
    for label, url in asked.items():
        with CaptureQueriesContext(connection) as seen:
            response = client.get(url)
        assert response.status_code == 200, (url, response.status_code)
        queries[label] = len(seen)
    keep_what_is_loaded()  # as a web process does
    times: dict[str, list[float]] = {label: [] for label in asked}
    for _turn in range(repeats):
        for label, url in asked.items():
            started = time.perf_counter()
            client.get(url)
            times[label].append((time.perf_counter() - started) * 1000)
    for label in asked:
        yield label, times[label], queries[label]


if __name__ == "__main__":
    main()
