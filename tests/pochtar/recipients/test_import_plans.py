"""An import never compares each row with each: the databases are led to a good plan."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from pochtar.accounts.models import User, Workspace
from pochtar.recipients.imports import undo_import
from pochtar.recipients.models import Basis
from tests.make import make_list
from tests.pochtar.recipients.importing import TABLE, bring_in, check, work

pytestmark = pytest.mark.django_db
only_on_sqlite = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="how SQLite plans"
)
EXPLAIN = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
MANY = "E-mail\n" + "".join(f"one{number}@example.com\n" for number in range(2000))
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

    with Plans("recipients_importrow s") as plans:
        import_ = bring_in(workspace, owner, renamed, friends, basis=Basis.CONTRACT)
        undo_import(import_, by=owner)
        work(import_)

    walks = {sql: plan.tables for sql, plan in plans.found.items()}
    compared = {sql: names for sql, names in walks.items() if {"s", "r"} <= {*names}}
    assert len(compared) >= 7
    assert {
        sql for sql, names in compared.items() if names.index("r") < names.index("s")
    } == set()
    narrowed = {sql: names for sql, names in walks.items() if "import_touched t" in sql}
    assert len(narrowed) >= 4
    assert {sql for sql, names in narrowed.items() if names[0] != "t"} == set()


@only_on_sqlite
def test_whether_anybody_is_stopped_is_asked_of_the_index_of_the_stopped(
    workspace: Workspace, owner: User
) -> None:
    with Plans('WHERE ("recipients_recipient"."suppressed"') as plans:
        bring_in(workspace, owner, TABLE)

    (plan,) = plans.found.values()
    assert "recipients_recipient_stopped" in plan.text


@only_on_sqlite
@pytest.mark.django_db(transaction=True)
def test_nobody_waits_while_an_import_compares_its_rows_with_the_recipients(
    workspace: Workspace, owner: User
) -> None:
    """It takes seconds with a million; a transaction would hold SQLite's one lock."""
    friends = make_list(workspace)
    bring_in(workspace, owner, TABLE)

    with Plans("LEFT JOIN recipients_recipient r") as plans:
        bring_in(workspace, owner, TABLE, friends)

    assert len(plans.found) == 2  # what will be, and whom it concerns
    assert {plan.in_transaction for plan in plans.found.values()} == {False}


@only_on_sqlite
def test_sqlite_knows_how_many_there_are_after_an_import(
    workspace: Workspace, owner: User
) -> None:
    lines = "".join(f"one{number}@example.com\n" for number in range(50))
    bring_in(workspace, owner, f"E-mail\n{lines}")

    with connection.cursor() as cursor:
        cursor.execute("SELECT idx, stat FROM sqlite_stat1")
        known = dict(cursor.fetchall())
    assert known["recipients_recipient_page"].split()[0] == "50"


@dataclass
class Plan:
    """How the database goes about a statement."""

    text: str
    in_transaction: bool

    @property
    def tables(self) -> list[str]:
        """The tables in the order in which SQLite goes through them."""
        steps = [line.split() for line in self.text.splitlines()]
        return [words[1] for words in steps if words[0] in ("SCAN", "SEARCH")]

    @property
    def joins_at_once(self) -> bool:
        """Say whether PostgreSQL joins everything at once, not each row by itself."""
        one_pass = re.search(r"(Hash|Merge) (\w+ )?Join", self.text)
        return bool(one_pass) and "Nested Loop" not in self.text


class Plans:
    """The plans of the statements in which some words stand, while they are run."""

    def __init__(self, words: str) -> None:
        self.found: dict[str, Plan] = {}
        self._words = words
        self._watching = contextlib.ExitStack()

    def __enter__(self) -> Plans:
        self._watching.enter_context(connection.execute_wrapper(self._explain))
        return self

    def __exit__(self, *error: object) -> None:
        self._watching.close()

    def _explain(
        self, execute: Callable[..., Any], sql: str, parameters: Any, *more: Any
    ) -> Any:
        if self._words in sql and not sql.startswith("EXPLAIN"):
            with connection.cursor() as cursor:
                cursor.execute(f"{EXPLAIN} {sql}", parameters)
                steps = [row[-1] for row in cursor.fetchall()]
            self.found[sql] = Plan("\n".join(steps), connection.in_atomic_block)
        return execute(sql, parameters, *more)


@only_on_postgresql
def test_duplicates_of_a_second_file_are_not_sought_by_comparing_each_with_each(
    workspace: Workspace, owner: User
) -> None:
    check(workspace, owner, MANY)

    with Plans("CREATE TEMPORARY TABLE import_twins") as plans:
        check(workspace, owner, MANY)

    (plan,) = plans.found.values()
    assert plan.joins_at_once, plan.text


@only_on_postgresql
def test_rows_are_not_compared_with_each_recipient_though_statistics_know_of_none(
    workspace: Workspace, owner: User
) -> None:
    friends = make_list(workspace)
    bring_in(workspace, owner, MANY, friends)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM pg_statistic")  # as a minute after an import

    with Plans("LEFT JOIN recipients_recipient r") as plans:
        bring_in(workspace, owner, MANY + "new@example.com\n", friends)

    assert len(plans.found) == 2  # what will be, and whom it concerns
    for plan in plans.found.values():
        assert plan.joins_at_once, plan.text


@only_on_postgresql
def test_an_import_leaves_statistics_that_know_of_its_recipients(
    workspace: Workspace, owner: User
) -> None:
    bring_in(workspace, owner, MANY)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reltuples FROM pg_class WHERE relname = 'recipients_recipient'"
        )
        assert cursor.fetchone() == (2000,)
