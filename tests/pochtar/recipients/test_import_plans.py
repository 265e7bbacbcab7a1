"""SQLite goes from the rows of a file to the recipients, never the other way round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pochtar.accounts.models import User, Workspace
from pochtar.recipients.imports import undo_import
from pochtar.recipients.models import Basis
from tests.make import make_list
from tests.pochtar.recipients.importing import TABLE, bring_in, work

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="how SQLite plans"),
]


def test_no_statement_of_an_import_walks_through_all_recipients(
    workspace: Workspace, owner: User, settings: Any, tmp_path: Path
) -> None:
    settings.VAR = tmp_path
    friends = make_list(workspace)
    bring_in(workspace, owner, TABLE)
    renamed = TABLE.replace("Борис", "Макар").encode() + b"new@example.com;;\n"

    with CaptureQueriesContext(connection) as queries:
        import_ = bring_in(workspace, owner, renamed, friends, basis=Basis.CONTRACT)
        undo_import(import_, by=owner)
        work(import_)

    plans = {query["sql"]: plan(query["sql"]) for query in queries}
    compared = {sql: steps for sql, steps in plans.items() if {"s", "r"} <= set(steps)}
    assert len(compared) >= 7
    assert {
        sql for sql, steps in compared.items() if steps.index("r") < steps.index("s")
    } == set()


def plan(sql: str) -> list[str]:
    """Return the tables in the order in which they are gone through."""
    if "recipients_importrow" not in sql or "times:" in sql or "import_twins" in sql:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        steps = [row[3].split() for row in cursor.fetchall()]
    return [words[1] for words in steps if words[0] in ("SCAN", "SEARCH")]
