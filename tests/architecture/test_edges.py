"""Edges (web, api, ops) ask the database through querysets and never write to it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.checkout import POCHTAR, calls_in, files_like, shown

EDGES = ("web", "api", "ops")
WRITES = {
    "save",
    "delete",
    "create",
    "get_or_create",
    "update_or_create",
    "bulk_create",
    "bulk_update",
    "select_for_update",
}
# Not the ORM: the file, the call, and what it is.
ALLOWED = {
    ("web/adapter.py", "super().save_user"),
    ("web/profile.py", "form.save"),  # allauth's own forms
    ("web/account.py", "form.save"),
}


@pytest.mark.parametrize("edge", EDGES)
def test_an_edge_does_not_write_the_orm(edge):
    guilty = [
        f"{shown(path)}:{call.lineno} {name}"
        for path in files_like(".py", under=POCHTAR / edge)
        for call in calls_in(path)
        if (name := _written(call)) and (_inside(path), name) not in ALLOWED
    ]

    assert guilty == []


def _inside(path: Path) -> str:
    return str(path.relative_to(POCHTAR))


def _written(call: ast.Call) -> str:
    """Return the call as text when it writes rows, "" otherwise."""
    if not isinstance(call.func, ast.Attribute):
        return ""
    name, text = call.func.attr, ast.unparse(call.func)
    if name.removeprefix("a") in WRITES or name in WRITES:
        return text
    # dict.update takes a mapping; QuerySet.update takes columns by name only.
    only_names = bool(call.keywords) and not call.args
    only_names = only_names and all(keyword.arg for keyword in call.keywords)
    return text if name in {"update", "aupdate"} and only_names else ""
