"""How long it takes to count a segment among a million recipients (PostgreSQL).

    .venv/bin/python bench/segments.py [--recipients 1000000]

Fills a throw-away cluster with COPY: recipients with three attributes, two lists, one
mailing that everybody has got.  Prints the median of five counts of each rule as
`ms_count_<rule>: value`, with the number found, and the worst of each class:
`ms_worst_indexed`, `ms_worst_other`.  `cpu` beside it is the server process's own time
for one count without parallel workers: what it costs whatever else the machine does.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 5
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

# Deterministic, and as in life: few cities, many names, dates over fifty years.
PEOPLE = """
COPY recipients_recipient (id, workspace_id, email, email_key, address_hash, full_name,
    name_key, comment, attributes, created_at, updated_at, unsubscribed_at,
    unsubscribed_via, basis, suppressed) FROM STDIN
"""
CITIES = ["Москва", "Казань", "Уфа", "Орёл", "Тверь", "Пермь", "Самара", "Тула"]
NAMES = ["Анна", "Мария", "Ольга", "Фёдор", "Иван", "Пётр", "Юлия", "Олег"]
SURNAMES = ["Иванова", "Смирнова", "Петрова", "Орлова", "Белова", "Зайцева"]
DOMAINS = ["mail.example", "yandex.example", "gmail.example", "firma.example"]

INDEXED = {
    "email_begins": {"field": "email", "op": "begins", "value": "user77"},
    "email_is": {"field": "email", "op": "is", "value": "user77@mail.example"},
    "name_begins": {"field": "full_name", "op": "begins", "value": "Петрова О"},
    "unsubscribed": {"field": "status", "op": "is", "value": "unsubscribed"},
    "stopped": {"field": "status", "op": "is", "value": "stopped"},
    "created_last": {"field": "created", "op": "last", "value": 30},
    "list_small": {"field": "list", "op": "in", "value": ["small"]},
}
OTHER = {
    "everybody_subscribed": {"field": "status", "op": "is", "value": "subscribed"},
    "list_large": {"field": "list", "op": "in", "value": ["large"]},
    "not_in_list": {"field": "list", "op": "not_in", "value": ["large"]},
    "domain": {"field": "domain", "op": "is", "value": "mail.example"},
    "name_contains": {"field": "full_name", "op": "contains", "value": "фёд"},
    "city_is": {
        "field": "attribute:city",
        "type": "text",
        "op": "is",
        "value": "казань",
    },
    "city_one_of": {
        "field": "attribute:city",
        "type": "text",
        "op": "one_of",
        "value": ["Казань", "Уфа"],
    },
    "age_between": {
        "field": "attribute:age",
        "type": "number",
        "op": "between",
        "value": [30, 40],
    },
    "birthday_next": {
        "field": "attribute:birthday",
        "type": "date",
        "op": "anniversary",
        "value": 7,
    },
    "received": {"field": "mailing", "op": "received", "value": "that"},
    "not_received": {"field": "mailing", "op": "not_received", "value": "that"},
    "received_last": {"field": "mailing", "op": "received_last", "value": 30},
}
OTHER["all_of_it"] = {
    "all": [
        OTHER["city_one_of"],
        {"any": [OTHER["age_between"], OTHER["birthday_next"]]},
        {"none": [OTHER["received_last"], INDEXED["unsubscribed"]]},
        OTHER["list_large"],
    ]
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        measure(options.recipients)
        return
    sys.path.insert(0, str(ROOT / "scripts"))
    import postgres  # noqa: PLC0415 - of scripts/, which is no package

    binaries = postgres.find_binaries()
    if binaries is None:
        sys.exit("PostgreSQL is not installed.")
    with (
        tempfile.TemporaryDirectory(prefix="pochtar-bench-") as folder,
        postgres.throwaway_cluster(binaries) as address,
    ):
        environment = {
            **os.environ,
            "POCHTAR_VAR": folder,
            "DATABASE_URL": address,
            "DEBUG": "off",
            "SECRET_KEY": "bench-only-" * 6,
            "ENCRYPTION_KEY": KEY,
            "DJANGO_SETTINGS_MODULE": "pochtar.conf.settings",
            "PYTHONPATH": str(ROOT / "src"),
        }
        command = [sys.executable, __file__, "--inside"]
        command += ["--recipients", str(options.recipients)]
        subprocess.run(command, env=environment, check=True)


def measure(recipients: int) -> None:
    import django  # noqa: PLC0415 - settings come from the environment set above

    django.setup()
    warnings.simplefilter("ignore")
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from mailcore.segments import parse_rule  # noqa: PLC0415
    from pochtar.recipients.segments import matching  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    started = time.perf_counter()
    workspace, ids = fill(recipients)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    print(f"seconds_fill: {time.perf_counter() - started:.0f}", flush=True)
    worst = {"indexed": 0.0, "other": 0.0}
    for kind, rules in (("indexed", INDEXED), ("other", OTHER)):
        for name, data in rules.items():
            rule = parse_rule(_named(data, ids))
            people = matching(workspace, rule, now=timezone.now())
            if os.environ.get("EXPLAIN") == name:
                print(people.order_by().values("pk").explain(analyze=True))
            times = []
            for _repeat in range(REPEATS):
                began = time.perf_counter()
                found = people.count()
                times.append((time.perf_counter() - began) * 1000)
            median = statistics.median(times)
            worst[kind] = max(worst[kind], median)
            cpu = cpu_ms(connection, people)
            print(
                f"ms_count_{name}: {median:.0f}  (found {found}, cpu {cpu})", flush=True
            )
    for kind, value in worst.items():
        print(f"ms_worst_{kind}: {value:.0f}", flush=True)


def cpu_ms(connection, people) -> int:
    """Return the time that the server's process works for one count, in ms."""
    status = Path(f"/proc/{connection.connection.info.backend_pid}/stat")
    ticks = os.sysconf("SC_CLK_TCK")
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        before = status.read_text().split()[13:15]
        people.count()
        after = status.read_text().split()[13:15]
        cursor.execute("RESET max_parallel_workers_per_gather")
    return round((sum(map(int, after)) - sum(map(int, before))) * 1000 / ticks)


def _named(data, ids):
    """Put the ids of this database in the places of their names."""
    if isinstance(data, dict):
        return {key: _named(value, ids) for key, value in data.items()}
    if isinstance(data, list):
        return [_named(one, ids) for one in data]
    return ids.get(data, data)


def fill(recipients: int):
    """Return the workspace, and the ids that rules ask for by their names."""
    import datetime as dt  # noqa: PLC0415
    import uuid  # noqa: PLC0415

    from django.db import connection  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from mailcore.folding import fold  # noqa: PLC0415
    from pochtar.accounts.models import Workspace  # noqa: PLC0415
    from pochtar.content.models import Message  # noqa: PLC0415
    from pochtar.delivery.models import Relay, Run  # noqa: PLC0415
    from pochtar.mailings.models import Mailing  # noqa: PLC0415
    from pochtar.recipients.models import RecipientList  # noqa: PLC0415

    workspace = Workspace.objects.create(name="Bench")
    small = RecipientList.objects.create(workspace=workspace, name="Small")
    large = RecipientList.objects.create(workspace=workspace, name="Large")
    relay = Relay.objects.create(workspace=workspace, name="R", kind="smtp", host="x")
    run = Run.objects.create(
        workspace=workspace,
        relay=relay,
        subject="S",
        from_email="a@b.example",
        status="running",
        selected=recipients,
    )
    mailing = Mailing.objects.create(
        workspace=workspace,
        name="M",
        run=run,
        status="running",
        message=Message.objects.create(workspace=workspace, subject="S", html="<p>x"),
    )
    now = timezone.now()
    ids = [uuid.UUID(int=(0x7 << 76) | n << 80) for n in range(1, recipients + 1)]
    with connection.cursor() as cursor:
        with cursor.copy(PEOPLE) as copy:
            for n, pk in enumerate(ids):
                name = f"{SURNAMES[n // 8 % 6]} {NAMES[n % 8]} {n % 977}"
                born = dt.date(1950, 1, 1) + dt.timedelta(days=n * 7919 % 18000)
                values = (
                    f'{{"city": "{CITIES[n * 31 % 8]}", "age": "{n * 17 % 80}", '
                    f'"birthday": "{born}"}}'
                )
                email = f"user{n}@{DOMAINS[n * 13 % 4]}"
                left = n % 50 == 0
                added = now - dt.timedelta(seconds=(recipients - n) * 60)
                copy.write_row(
                    (
                        pk,
                        workspace.pk,
                        email,
                        email,
                        pk,
                        name,
                        fold(name),
                        "",
                        values,
                        added,
                        added,
                        now if left else None,
                        "page" if left else "",
                        "consent",
                        n % 100 == 1,
                    )
                )
        with cursor.copy(
            "COPY recipients_subscription (list_id, recipient_id, created_at) "
            "FROM STDIN"
        ) as copy:
            for n, pk in enumerate(ids):
                if n % 2:
                    copy.write_row((large.pk, pk, now))
                if n % 100 == 0:
                    copy.write_row((small.pk, pk, now))
        cursor.execute(
            "INSERT INTO delivery_delivery (run_id, position, recipient_id, email) "
            "SELECT %s, row_number() OVER (ORDER BY id), id, email "
            "FROM recipients_recipient",
            [run.pk],
        )
        cursor.execute(
            "INSERT INTO delivery_attempt (workspace_id, run_id, delivery_id, number, "
            "outcome, permanent, enhanced_code, reply, stage, reason, host, peer, tls, "
            "queue_id, at, duration_ms) SELECT %s, run_id, id, 1, CASE WHEN id %% 10 = 0 "
            "THEN 'failed' ELSE 'accepted' END, false, '', 'OK', 'data', '', 'mx', "
            "'1.2.3.4', 'TLSv1.3', 'q', %s, 20 FROM delivery_delivery",
            [workspace.pk, now],
        )
    names = {"small": small.pk, "large": large.pk, "that": mailing.pk}
    return workspace, {name: str(pk) for name, pk in names.items()}


if __name__ == "__main__":
    main()
