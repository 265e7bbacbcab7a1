"""How long exports and bulk actions of a million recipients take, and in what memory.

    .venv/bin/python bench/exports.py [--recipients 1000000] [--only sqlite|postgres]

Fills a database of its own in a temporary folder.  Each export and each action is done
by a process of its own, as a worker does it, which tells its peak of memory; all is
printed as `name: value` lines.  A name begins with the database.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXPORTS = ("excel_csv", "xlsx")
ACTIONS = ("add", "undo_add", "attribute", "stop", "delete")
FILL = {
    "postgresql": """
        INSERT INTO recipients_recipient (id, workspace_id, email, email_key,
            address_hash, full_name, name_key, comment, attributes, created_at,
            updated_at, unsubscribed_via, basis, suppressed)
        SELECT gen_random_uuid(), %s, 'r' || n || '@firma.example',
            'r' || n || '@firma.example', md5('r' || n)::uuid, 'Анна Петрова ' || n,
            'анна петрова ' || n, '', jsonb_build_object('город', 'Тверь',
            'телефон', '+7 999 ' || n, 'скидка', (n %% 30)::text), now(), now(), '',
            'consent', FALSE
        FROM generate_series(1, %s) AS n
    """,
    "sqlite": """
        WITH RECURSIVE s(n, w) AS
            (SELECT 1, %s UNION ALL SELECT n + 1, w FROM s WHERE n < %s)
        INSERT INTO recipients_recipient (id, workspace_id, email, email_key,
            address_hash, full_name, name_key, comment, attributes, created_at,
            updated_at, unsubscribed_via, basis, suppressed)
        SELECT lower(hex(randomblob(16))), w, 'r' || n || '@firma.example',
            'r' || n || '@firma.example', lower(hex(randomblob(16))),
            'Анна Петрова ' || n, 'анна петрова ' || n, '',
            json_object('город', 'Тверь', 'телефон', '+7 999 ' || n, 'скидка',
            CAST(n %% 30 AS TEXT)), datetime('now'), datetime('now'), '', 'consent', 0
        FROM s
    """,
}
SUBSCRIPTIONS = """
    INSERT INTO recipients_subscription (list_id, recipient_id, created_at)
    SELECT %s, id, created_at FROM recipients_recipient
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("--step", default="fill", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options.inside, options.recipients, options.step)
        return
    for name in [options.only] if options.only else ["sqlite", "postgres"]:
        run(name, options.recipients)


def run(name: str, recipients: int) -> None:
    """Start this program again over a database of its own (settings are read once)."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import postgres  # noqa: PLC0415 - of scripts/, which is no package

    with tempfile.TemporaryDirectory(prefix="pochtar-bench-") as folder:
        if name == "sqlite":
            _steps(name, recipients, folder, None)
            return
        binaries = postgres.find_binaries()
        if binaries is None:
            print("postgres: not installed, left out")
            return
        with postgres.throwaway_cluster(binaries) as address:
            _steps(name, recipients, folder, address)


def _steps(name: str, recipients: int, folder: str, address: str | None) -> None:
    environment = {
        **os.environ,
        "POCHTAR_VAR": folder,
        "DEBUG": "off",
        "SECRET_KEY": "bench-only-" * 6,
        "ENCRYPTION_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "DJANGO_SETTINGS_MODULE": "pochtar.conf.settings",
        "PYTHONPATH": str(ROOT / "src"),
    }
    environment.pop("DATABASE_URL", None)  # SQLite's pragmas are of our own database
    if address:
        environment["DATABASE_URL"] = address
    for step in ("fill", *EXPORTS, *ACTIONS):
        command = [sys.executable, __file__, "--inside", name, "--step", step]
        subprocess.run(
            [*command, "--recipients", str(recipients)], env=environment, check=True
        )


def inside(name: str, recipients: int, step: str) -> None:
    import django  # noqa: PLC0415 - only here, with its settings

    django.setup()
    if step == "fill":
        fill(recipients)
        return
    began = time.perf_counter()
    number, size = export(step) if step in EXPORTS else act(step)
    seconds = time.perf_counter() - began
    assert number == recipients, f"{step}: {number}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name}_{step}_seconds: {seconds:.1f}")
    print(f"{name}_{step}_rows_per_second: {number / seconds:.0f}")
    print(f"{name}_{step}_peak_rss_mb: {peak:.0f}", flush=True)
    if size:
        print(f"{name}_{step}_file_mb: {size / 1e6:.0f}", flush=True)


def fill(recipients: int) -> None:
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from pochtar.accounts.models import User  # noqa: PLC0415
    from pochtar.accounts.services import open_workspace  # noqa: PLC0415
    from pochtar.recipients.indexing import index_recipients  # noqa: PLC0415
    from pochtar.recipients.models import (  # noqa: PLC0415
        Attribute,
        Recipient,
        RecipientList,
    )

    call_command("migrate", verbosity=0)
    owner = User.objects.create_user("owner@bench.example", "correct horse battery")
    workspace = open_workspace(name="Bench", owner=owner)
    for key in ("город", "телефон", "скидка"):
        Attribute.objects.create(workspace=workspace, key=key)
    full = RecipientList.objects.create(workspace=workspace, name="Полный")
    RecipientList.objects.create(workspace=workspace, name="Пустой")
    key: Any = workspace.pk
    row: Any = full.pk
    if connection.vendor == "sqlite":
        key, row = key.hex, row.hex
    with connection.cursor() as cursor:
        cursor.execute(FILL[connection.vendor], [key, recipients])
        cursor.execute(SUBSCRIPTIONS, [row])
    index_recipients(Recipient.objects.of(workspace))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def export(format: str) -> tuple[int, int]:
    """Export everybody with every column, as a worker does."""
    from pochtar.accounts.models import User, Workspace  # noqa: PLC0415
    from pochtar.recipients import exports  # noqa: PLC0415
    from pochtar.recipients.export_columns import known_columns  # noqa: PLC0415
    from pochtar.recipients.models import Export, ExportFormat  # noqa: PLC0415

    workspace = Workspace.objects.get()
    exports.nudge_export = lambda pk: None
    row: Export = exports.order_export(
        everybody(),
        format=ExportFormat(format),
        columns=[name for name, _title in known_columns(workspace)],
        by=User.objects.get(),
    )
    exports.run_export(row.pk)
    row.refresh_from_db()
    return row.done, row.size


def act(step: str) -> tuple[int, int]:
    from pochtar.accounts.models import User  # noqa: PLC0415
    from pochtar.recipients import bulk, jobs  # noqa: PLC0415
    from pochtar.recipients.models import BulkJob, RecipientList  # noqa: PLC0415

    by = User.objects.get()
    jobs.nudge_job = lambda pk: None
    if step == "undo_add":
        job = jobs.undo_job(BulkJob.objects.get(kind="add"), by=by)
    elif step == "add":
        to = RecipientList.objects.get(name="Пустой")
        job = bulk.add_selected(everybody(), to=to, by=by)
    elif step == "attribute":
        job = bulk.set_attribute_of_selected(
            everybody(), key="город", value="Псков", by=by
        )
    elif step == "stop":
        job = bulk.stop_selected(everybody(), evidence="", by=by)
    else:
        job = bulk.delete_selected(everybody(), by=by)
    jobs.run_job(job.pk, seconds=None)
    job.refresh_from_db()
    return job.returned if step == "undo_add" else job.changed, 0


def everybody() -> Any:
    from pochtar.accounts.models import Workspace  # noqa: PLC0415
    from pochtar.recipients.search import Search  # noqa: PLC0415
    from pochtar.recipients.selections import Selection  # noqa: PLC0415

    return Selection(search=Search(workspace=Workspace.objects.get()))


if __name__ == "__main__":
    main()
