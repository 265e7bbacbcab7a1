"""Compare the rows of a file with each other and with the recipients, in the database."""

# ruff: noqa: S608 - nothing but words of our own is put into the statements
from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from pochtar.recipients.import_sql import (
    IN_RANGE,
    KNOWN,
    Range,
    ask,
    differs,
    first_id,
    is_postgresql,
    join_by_hashing,
    run,
)
from pochtar.recipients.models import Import, Recipient, Suppression
from pochtar.recipients.stop_marks import above
from pochtar.recipients.work import keep

# Behind the last "@", for a local part in quotes may have one.
DOMAIN = (
    "substr(s.email_key, length(rtrim(s.email_key, replace(s.email_key, '@', ''))) + 1)"
)
TWINS = (
    "SELECT s.id AS id, t.first AS first FROM recipients_importrow s JOIN ("
    "SELECT address_hash, MIN(id) AS first FROM recipients_importrow"
    " WHERE id > %(low)s AND id <= %(high)s"
    " GROUP BY address_hash HAVING COUNT(*) > 1"
    ") t ON s.address_hash = t.address_hash"
    " WHERE s.id > t.first AND s.id > %(low)s AND s.id <= %(high)s"
)
BATCH = 20_000


def mark_twins(import_: Import) -> None:
    """Mark the rows whose address stands further up in the file.

    They are found before anything is locked: on SQLite that takes seconds.
    """
    if is_postgresql():
        # Its statistics know of no row of this import yet: it would expect one, and
        # compare each with each.
        run("ANALYZE recipients_importrow", {})
    whole = Range(import_=import_)
    run("DROP TABLE IF EXISTS import_twins", {})
    # A table of the connection's own: nobody else sees it, nobody waits for it.
    run(f"CREATE TEMPORARY TABLE import_twins AS {TWINS}", whole.parameters())
    lowest = first_id(import_)
    ids = [row[0] for row in ask(_EDGES, {"batch": BATCH})]
    for low, high in zip([lowest, *ids], [*ids, whole.high], strict=True):
        with transaction.atomic():
            run(
                "UPDATE recipients_importrow AS s SET twin_of = t.first - %(lowest)s"
                " FROM import_twins t WHERE t.id = s.id"
                " AND t.id > %(low)s AND t.id <= %(high)s",
                {"lowest": lowest, "low": low, "high": high},
            )
            keep(import_)
    run("DROP TABLE import_twins", {})


_EDGES = (
    "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS place"
    " FROM import_twins) numbered WHERE place %% %(batch)s = 0 ORDER BY id"
)


def count_matches(import_: Import) -> dict[str, int]:
    """Return how many rows are new, change somebody, change nobody, and so on."""
    whole = Range(import_=import_)
    lists = list(import_.lists.values_list("pk", flat=True))
    parameters = whole.parameters()
    stopped = is_stopped(whole, parameters)
    listed = f"r.id IS NOT NULL AND {is_new_to(lists, parameters)}" if lists else ""
    changed = differs(import_)
    if Recipient.objects.of(import_.workspace).exists():
        known, join = "r.id IS NOT NULL", f"LEFT JOIN recipients_recipient r ON {KNOWN}"
        left = "r.unsubscribed_at IS NOT NULL"
        stopped = f"CASE WHEN r.id IS NULL THEN {stopped} ELSE r.suppressed END"
    else:
        known, join, changed, listed, left = "false", "", "false", "", "false"
    sums = ", ".join(
        f"COALESCE(SUM(CASE WHEN {one} THEN 1 ELSE 0 END), 0)"
        for one in (
            f"NOT ({known})",
            f"{known} AND ({changed})",
            f"{known} AND NOT ({changed})",
            stopped,
            f"{known} AND {left}",
            listed or "false",
        )
    )
    with join_by_hashing():
        found = ask(
            f"SELECT {sums} FROM recipients_importrow s {join} WHERE {IN_RANGE}",
            parameters,
        )[0]
    names = ("new", "updated", "unchanged", "suppressed", "unsubscribed", "listed")
    counts = {name: int(number) for name, number in zip(names, found, strict=True)}
    twins = ask(
        "SELECT COUNT(*) FROM recipients_importrow"
        " WHERE id > %(low)s AND id <= %(high)s AND twin_of > 0",
        parameters,
    )
    return {**counts, "duplicate": int(twins[0][0])}


def is_stopped(rows: Range, parameters: dict[str, object]) -> str:
    """Return the condition that the stop list names the row; adds its parameters.

    Domains are looked up here, since one stops those below it too (stop_marks.py).
    """
    entries = Suppression.objects.of(rows.import_.workspace)
    conditions = []
    if entries.filter(domain="").exists():
        conditions.append(
            "s.address_hash IN (SELECT x.address_hash FROM recipients_suppression x"
            " WHERE x.workspace_id = %(workspace)s AND x.address_hash IS NOT NULL)"
        )
    stopped = frozenset(entries.exclude(domain="").values_list("domain", flat=True))
    if stopped and (domains := _domains_within(rows, stopped)):
        names = []
        for at, domain in enumerate(domains):
            parameters[f"domain{at}"] = domain
            names.append(f"%(domain{at})s")
        conditions.append(f"{DOMAIN} IN ({', '.join(names)})")
    return " OR ".join(conditions) or "false"


def _domains_within(rows: Range, stopped: frozenset[str]) -> list[str]:
    domains = ask(
        f"SELECT DISTINCT {DOMAIN} FROM recipients_importrow s WHERE {IN_RANGE}",
        rows.parameters(),
    )
    return [one for (one,) in domains if not stopped.isdisjoint(above(one))]


def is_new_to(lists: Sequence[object], parameters: dict[str, object]) -> str:
    """Return the condition that the recipient is missing in one of the lists."""
    missing = []
    for at, pk in enumerate(lists):
        parameters[f"list{at}"] = pk.hex if connection.vendor == "sqlite" else pk  # type: ignore[attr-defined]
        missing.append(
            "NOT EXISTS (SELECT 1 FROM recipients_subscription m"
            f" WHERE m.list_id = %(list{at})s AND m.recipient_id = r.id)"
        )
    return f"({' OR '.join(missing)})"
