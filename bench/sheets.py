"""How fast tables are read and written, and in how much memory.

Run as ``python bench/sheets.py [rows]``; prints ``name: value`` lines.  Times are of the
processor, the best of three; the standard library's csv reads the same file beside us.
"""

from __future__ import annotations

import csv
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from mailcore.addresses import address_key
from mailcore.hygiene import is_disposable, is_role, suggest_domain
from mailcore.sheets import CsvWriter, XlsxWriter, read_rows, understand

TITLES = ["email", "имя", "город", "код", "баллы"]


def cells(number: int) -> list[str]:
    return [
        f"user{number}.name@example{number % 977}.ru",
        f"Иван Петров {number}",
        "Санкт-Петербург",
        f"A-{number % 5000}",
        str(number % 300),
    ]


def seconds(work: Callable[[], object], *, times: int = 3) -> float:
    best = float("inf")
    for _ in range(times):
        started = process_time()
        work()
        best = min(best, process_time() - started)
    return best


def write_csv(path: Path, rows: int) -> None:
    with path.open("wb") as stream:
        writer = CsvWriter(stream, titles=TITLES)
        for number in range(rows):
            writer.write(cells(number))


def write_quoted(path: Path, source: Path) -> None:
    with (
        source.open(encoding="utf-8-sig", newline="") as old,
        path.open("w", encoding="utf-8", newline="") as new,
    ):
        rows = csv.reader(old, delimiter=";")
        csv.writer(new, delimiter=";", quoting=csv.QUOTE_ALL).writerows(rows)


def write_xlsx(path: Path, rows: int) -> None:
    with XlsxWriter(path, TITLES) as writer:
        for number in range(rows):
            writer.write(cells(number))


def read(path: Path) -> int:
    return sum(1 for _ in read_rows(path, understand(path)))


def read_with_csv(path: Path) -> int:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return sum(1 for _ in csv.reader(file, delimiter=";"))


def examine(path: Path) -> None:
    """Do with each row what an import does with its address at least."""
    for _, row in read_rows(path, understand(path)):
        local, _, domain = address_key(row[0]).partition("@")
        suggest_domain(domain), is_role(local), is_disposable(domain)


def main(rows: int) -> None:
    with TemporaryDirectory() as name:
        plain, quoted = Path(name, "plain.csv"), Path(name, "quoted.csv")
        book = Path(name, "book.xlsx")
        say(
            "write_csv_rows_per_second",
            rows / seconds(lambda: write_csv(plain, rows), times=1),
        )
        write_quoted(quoted, plain)
        say("understand_ms", 1000 * seconds(lambda: understand(plain)))
        say("stdlib_rows_per_second", rows / seconds(lambda: read_with_csv(plain)))
        say("read_rows_per_second", rows / seconds(lambda: read(plain)))
        say(
            "stdlib_quoted_rows_per_second",
            rows / seconds(lambda: read_with_csv(quoted)),
        )
        say("read_quoted_rows_per_second", rows / seconds(lambda: read(quoted)))
        say("examine_rows_per_second", rows / seconds(lambda: examine(plain)))
        say(
            "write_xlsx_rows_per_second",
            rows / seconds(lambda: write_xlsx(book, rows), times=1),
        )
    # Linux counts in kilobytes.
    say("peak_rss_mb", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def say(name: str, value: float) -> None:
    print(f"{name}: {value:.0f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
