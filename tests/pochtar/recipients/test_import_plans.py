"""An import never compares each row with each: the databases are led to a good plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pochtar.accounts.models import User, Workspace
from pochtar.recipients.imports import undo_import
from pochtar.recipients.models import Basis
from tests.make import make_list
from tests.pochtar.recipients.importing import TABLE, bring_in, check, work

pytestmark = pytest.mark.django_db
only_on_sqlite = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="how SQLite plans"
)
only_on_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="how PostgreSQL plans"
)


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.VAR = tmp_path


@only_on_sqlite
def test_no_statement_of_an_import_walks_through_all_recipients(
    workspace: Workspace, owner: User
) -> None:
    friends = make_list(workspace)
    bring_in(workspace, owner, TABLE)
    renamed = TABLE.replace("Борис", "Макар").encode() + b"new@example.com;;\n"

    with CaptureQueriesContext(connection) as queries:
        import_ = bring_in(workspace, owner, renamed, friends, basis=Basis.CONTRACT)
        undo_import(import_, by=owner)
        work(import_)

    plans = {query["sql"]: tables_of(query["sql"]) for query in queries}
    compared = {sql: names for sql, names in plans.items() if {"s", "r"} <= set(names)}
    assert len(compared) >= 7
    assert {
        sql for sql, names in compared.items() if names.index("r") < names.index("s")
    } == set()


def tables_of(sql: str) -> list[str]:
    """Return the tables in the order in which SQLite goes through them."""
    if (
        "recipients_importrow" not in sql
        or "times:" in sql  # of executemany
        or "import_twins" in sql  # gone by now
    ):
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        steps = [row[3].split() for row in cursor.fetchall()]
    return [words[1] for words in steps if words[0] in ("SCAN", "SEARCH")]


@only_on_postgresql
def test_duplicates_of_a_second_file_are_not_sought_by_comparing_each_with_each(
    workspace: Workspace, owner: User
) -> None:
    lines = "".join(f"one{number}@example.com\n" for number in range(2000))
    check(workspace, owner, f"E-mail\n{lines}")
    plans = []

    def explain(
        execute: Callable[..., Any], sql: str, parameters: Any, *more: Any
    ) -> Any:
        if sql.startswith("CREATE TEMPORARY TABLE import_twins"):
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", parameters)
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(sql, parameters, *more)

    with connection.execute_wrapper(explain):
        check(workspace, owner, f"E-mail\n{lines}")

    (plan,) = plans
    assert "Hash Join" in plan or "Merge Join" in plan, plan
    assert "Nested Loop" not in plan
