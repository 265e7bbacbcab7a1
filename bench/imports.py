"""How fast a file of recipients comes in, beside row-by-row upserts on the same database.

    make bench-import                      # or: .venv/bin/python bench/imports.py
    .venv/bin/python bench/imports.py --rows 100000 --parts postgres

A CSV of addresses, names and three attributes goes into one list: stored, checked on the
whole, applied.  Then the same file once more, which changes nothing.  On PostgreSQL in a
throw-away cluster (unless --database-url), and on SQLite.  Row by row is what others do:
one statement inserts or updates a recipient, one puts them into the list; a thousand rows
in a transaction, so that it is not the disk that is measured.  With Django's own
``update_or_create`` it takes several round trips more: ``orm_row_by_row``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from importing.file import write_file
from postgres import find_binaries, throwaway_cluster
from sending.workers import Worker, environment_of

PARTS = ("postgres", "sqlite")


def main() -> None:
    options = read_options()
    figures: dict[str, float] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        path = folder / "bench.csv"
        write_file(path, options.rows)
        print(f"rows: {options.rows}")
        print(f"file_mb: {path.stat().st_size / 1e6:.1f}", flush=True)
        if "postgres" in options.parts:
            database = options.database_url or _cluster(stack)
            figures |= measure(folder, path, database, options, prefix="")
        if "sqlite" in options.parts:
            figures |= measure(folder, path, None, options, prefix="sqlite_")
    if options.json:
        print(json.dumps(figures))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "--row-by-row", type=int, default=20_000, help="rows of the comparison"
    )
    parser.add_argument("--database-url", help="an empty PostgreSQL database")
    parser.add_argument("--parts", default="", help=f"of {', '.join(PARTS)}")
    parser.add_argument(
        "--json", action="store_true", help="print one object at the end"
    )
    options = parser.parse_args()
    options.parts = options.parts.split(",") if options.parts else PARTS
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}")
    return options


def measure(
    folder: Path,
    path: Path,
    database: str | None,
    options: argparse.Namespace,
    *,
    prefix: str,
) -> dict[str, float]:
    """Import the file twice, then some rows one by one; print and return the figures."""
    rows = options.rows
    environment = environment_of(tempfile.mkdtemp(dir=folder), database, 5)
    # Each part in a process of its own: a peak is not the other's.
    with _worker(environment) as worker:
        worker.call("prepare")
    # Into the empty database, where they are fastest.
    with _worker(environment) as worker:
        other = worker.call("open_place")["workspace"]
        few = min(rows, options.row_by_row)
        slow = worker.call("row_by_row", workspace=other, rows=few)["seconds"]
        other = worker.call("open_place")["workspace"]
        fewer = min(rows, options.row_by_row // 10)
        orm = worker.call("orm_row_by_row", workspace=other, rows=fewer)["seconds"]
    with _worker(environment) as worker:
        place = worker.call("open_place")["workspace"]
        first = worker.call("bring_in", workspace=place, path=str(path))
        again = worker.call("bring_in", workspace=place, path=str(path))
        _check(first["counts"], rows, "new")
        _check(again["counts"], rows, "unchanged")
    rate = rows / _until_committed(first)
    figures = {
        "rows_per_second": rate,
        "ratio_to_row_by_row": rate / (few / slow),
        "row_by_row_per_second": few / slow,
        "ratio_to_orm_row_by_row": rate / (fewer / orm),
        "peak_rss_mb": max(first["peak_mb"], again["peak_mb"]),
        "again_rows_per_second": rows / _until_committed(again),
        "seconds_to_searchable": first["seconds"]["index"],
        **{
            f"cpu_us_{part}_{side}": first[side][part] / rows * 1e6
            for part in ("upload", "check", "apply", "index")
            for side in ("python", "database")
        },
    }
    named = {f"{prefix}{name}": value for name, value in figures.items()}
    for name, value in named.items():
        print(f"{name}: {value:.0f}" if value >= 100 else f"{name}: {value:.2f}")
    sys.stdout.flush()
    return named


@contextlib.contextmanager
def _worker(environment: dict[str, str]) -> Any:
    worker = Worker(environment, program="importing.worker")
    try:
        yield worker
    finally:
        worker.close()


def _until_committed(answer: dict[str, Any]) -> float:
    seconds = answer["seconds"]
    return float(seconds["upload"] + seconds["check"] + seconds["apply"])


def _check(counts: dict[str, int], rows: int, name: str) -> None:
    if counts[name] != rows:
        raise RuntimeError(f"{counts[name]} of {rows} are {name}")


def _cluster(stack: contextlib.ExitStack) -> str:
    binaries = find_binaries()
    if binaries is None:
        sys.exit("PostgreSQL is not installed: apt-get install postgresql")
    return stack.enter_context(throwaway_cluster(binaries))


if __name__ == "__main__":
    main()
