"""How long the pages of a workspace with a million recipients take, on each database.

    .venv/bin/python bench/pages.py [--recipients 1000000] [--only sqlite|postgres]

Fills a database of its own in a temporary folder (a few minutes), asks the pages
through Django's whole stack (middleware, view, template), and prints the median of
seven requests as `name: value` lines.  A name begins with the database.
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
REPEATS = 7
BATCH = 5000

FIRST = [
    "Анна",
    "Мария",
    "Ольга",
    "Елена",
    "Татьяна",
    "Наталья",
    "Ирина",
    "Светлана",
    "Екатерина",
    "Юлия",
    "Алексей",
    "Александр",
    "Дмитрий",
    "Сергей",
    "Андрей",
    "Иван",
    "Михаил",
    "Николай",
    "Павел",
    "Фёдор",
]
LAST = [
    "Иванова",
    "Смирнова",
    "Кузнецова",
    "Попова",
    "Васильева",
    "Петрова",
    "Соколова",
    "Михайлова",
    "Новикова",
    "Фёдорова",
    "Морозова",
    "Волкова",
    "Алексеева",
    "Лебедева",
    "Семёнова",
    "Егорова",
    "Павлова",
    "Козлова",
    "Степанова",
    "Николаева",
    "Орлова",
    "Андреева",
    "Макарова",
    "Никитина",
    "Захарова",
    "Зайцева",
    "Соловьёва",
]
LATIN = [
    "anna",
    "maria",
    "olga",
    "elena",
    "ivan",
    "petr",
    "sergey",
    "pavel",
    "fedor",
    "nikita",
    "oleg",
    "yulia",
]
DOMAINS = [
    "mail.example",
    "yandex.example",
    "gmail.example",
    "lavka.example",
    "firma.example",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        measure(options.inside, options.recipients)
        return
    for name in [options.only] if options.only else ["sqlite", "postgres"]:
        run(name, options.recipients)


def run(name: str, recipients: int) -> None:
    """Start this program again with a database of its own (settings are read once)."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import postgres  # noqa: PLC0415 - of scripts/, which is no package

    with tempfile.TemporaryDirectory(prefix="pochtar-bench-") as folder:
        if name == "sqlite":
            _inside(name, recipients, folder, f"sqlite:///{folder}/bench.sqlite3")
            return
        binaries = postgres.find_binaries()
        if binaries is None:
            print("postgres: not installed, left out")
            return
        with postgres.throwaway_cluster(binaries) as address:
            _inside(name, recipients, folder, address)


def _inside(name: str, recipients: int, folder: str, address: str) -> None:
    environment = {
        **os.environ,
        "POCHTAR_VAR": folder,
        "DATABASE_URL": address,
        "DEBUG": "off",
        "SECRET_KEY": "bench-only-" * 6,
        "ENCRYPTION_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "ALLOWED_HOSTS": "testserver",
        "DJANGO_SETTINGS_MODULE": "pochtar.conf.settings",
        "PYTHONPATH": str(ROOT / "src"),
    }
    if name == "sqlite":  # settings add our pragmas to a database of ours only
        environment.pop("DATABASE_URL")
    command = [sys.executable, __file__, "--inside", name]
    subprocess.run(
        [*command, "--recipients", str(recipients)], env=environment, check=True
    )


def measure(name: str, recipients: int) -> None:
    import django  # noqa: PLC0415 - settings come from the environment set above

    django.setup()
    warnings.simplefilter("ignore")
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    started = time.perf_counter()
    client, lists = fill(recipients)
    seconds = time.perf_counter() - started
    print(f"{name} fill {recipients} recipients: {seconds:.0f} s", flush=True)
    for label, url in pages(client, lists):
        print(f"{name} {label}: {median_ms(client, url):.0f} ms", flush=True)
    for label, seconds in changes(client):
        print(f"{name} {label}: {seconds:.1f} s", flush=True)


def median_ms(client, url: str) -> float:
    times = []
    for _repeat in range(REPEATS):
        started = time.perf_counter()
        response = client.get(url)
        times.append((time.perf_counter() - started) * 1000)
        assert response.status_code == 200, (url, response.status_code)
    return statistics.median(times)


def pages(client, lists) -> Iterator[tuple[str, str]]:
    yield "first page", "/recipients/"
    for sort in ("name", "address", "added"):
        yield f"first page by {sort}", f"/recipients/?sort={sort}"
        yield (
            f"middle page by {sort}",
            f"/recipients/?sort={sort}&cursor={middle(sort)}",
        )
    searches = {
        "search hit, one": "u500000",
        "search hit, a thousand": "u501",
        "search hit, nine thousand": "maria.u1",
        "search hit, name and surname": "Иванова Анна",
        "search hit, a tenth of all": "анна",
        "search hit, a fifth of all": "gmail.example",
        "search hit, two wide words": "gmail.example анна",
        "search miss": "щщщ",
        "search miss, one wide word": "gmail.example щщщ",
        "search miss, two wide words": "gmail.example mail.example",
    }
    for label, text in searches.items():
        yield label, f"/recipients/?q={text}"
        yield f"{label}, by name", f"/recipients/?q={text}&sort=-name"
    for label, pk in lists.items():
        yield f"list of {label}", f"/lists/{pk}/"
        yield f"list of {label}, oldest first", f"/lists/{pk}/?sort=added"
        yield f"list of {label}, search", f"/lists/{pk}/?q=анна"
        yield f"list of {label}, search miss", f"/lists/{pk}/?q=щщщ"
    yield "lists", "/lists/"
    yield "picker", "/recipients/search/?q=анна"


def changes(client) -> Iterator[tuple[str, float]]:
    """Change all that a search finds, which is done in batches."""
    wish = {"q": "maria.u1", "everybody": "1"}
    for label, more in {
        "add nine thousand to a list": {"action": "add", "new_name": "Found"},
        "delete nine thousand": {"action": "delete"},
    }.items():
        started = time.perf_counter()
        response = client.post("/recipients/bulk/", {**wish, **more})
        assert response.status_code == 302, response.status_code
        yield label, time.perf_counter() - started


def middle(sort: str) -> str:
    """Return the cursor of a page in the middle of everybody."""
    from pochtar.base.paging import keyset_page  # noqa: PLC0415
    from pochtar.recipients.models import Recipient  # noqa: PLC0415

    column = {"name": "name_key", "address": "email_key", "added": "pk"}[sort]
    half = Recipient.objects.count() // 2
    row = Recipient.objects.order_by(column, "pk")[half]
    from_there = Recipient.objects.filter(**{f"{column}__gte": getattr(row, column)})
    return keyset_page(from_there, order=column, size=1).next


def fill(recipients: int):
    """Add recipients by the services' own pieces, in large batches."""
    from django.db import connection, transaction  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    from pochtar.accounts.models import User  # noqa: PLC0415
    from pochtar.accounts.services import open_workspace  # noqa: PLC0415
    from pochtar.recipients.words import search_words  # noqa: PLC0415

    user = User.objects.create_user("bench@example.com", name="Bench")
    workspace = open_workspace(name="Bench", owner=user)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.execute("PRAGMA cache_size=-200000")
    for start in range(0, recipients, BATCH):
        rows = [
            person(workspace, n) for n in range(start, min(start + BATCH, recipients))
        ]
        with transaction.atomic():
            insert(rows)
            insert(search_words(rows))
        if not start % (20 * BATCH):
            print(f"filled: {start}", file=sys.stderr, flush=True)
    lists = {
        "a tenth": make_list(workspace, "a tenth", 1, recipients // 10),
        "the older half": make_list(workspace, "the older half", 1, recipients // 2),
        "all": make_list(workspace, "all", 1, recipients),
    }
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client()
    client.force_login(user)
    return client, lists


def insert(rows) -> None:
    """Write the rows without the ORM's SQL: COPY, or one prepared statement."""
    from django.db import connection  # noqa: PLC0415

    model = rows[0]
    fields = [
        field
        for field in model._meta.concrete_fields
        if field.attname != "id" or model.pk
    ]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    table = model._meta.db_table
    values = (
        [
            field.get_db_prep_save(getattr(row, field.attname), connection)
            for field in fields
        ]
        for row in rows
    )
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(fields))
            cursor.executemany(
                f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(values)
            )


def person(workspace, number: int):
    from pochtar.recipients.models import Recipient  # noqa: PLC0415
    from pochtar.recipients.words import fold  # noqa: PLC0415

    mixed = number * 2_654_435_761 % 2**32  # spread, and the same every time
    full_name = f"{LAST[mixed % len(LAST)]} {FIRST[mixed // 32 % len(FIRST)]}"
    local = f"{LATIN[mixed // 1024 % len(LATIN)]}.u{number}"
    email = f"{local}@{DOMAINS[mixed // 16384 % len(DOMAINS)]}"
    return Recipient(
        workspace=workspace,
        email=email,
        email_key=email,
        full_name=full_name,
        name_key=fold(full_name),
        attributes={"город": "Тверь"},
        basis="consent",
    )


def make_list(workspace, name: str, first: int, last: int):
    from pochtar.recipients.models import (  # noqa: PLC0415
        Recipient,
        RecipientList,
        Subscription,
    )

    row = RecipientList.objects.create(workspace=workspace, name=name)
    ids = Recipient.objects.order_by("pk").values_list("pk", flat=True)[
        first - 1 : last
    ]
    everybody = list(ids)
    for start in range(0, len(everybody), BATCH):
        insert(
            [
                Subscription(list=row, recipient_id=pk)
                for pk in everybody[start : start + BATCH]
            ]
        )
    return row.pk


if __name__ == "__main__":
    main()
