"""Imports from the first byte to the last row, as a worker does them."""

from __future__ import annotations

import io
from typing import Any

from pochtar.accounts.models import User, Workspace
from pochtar.recipients.import_work import run_turn
from pochtar.recipients.imports import apply_import, check_import, start_import
from pochtar.recipients.models import Import, RecipientList

TABLE = """\
E-mail;Имя;Город
anna@example.com;Анна Петрова;Москва
boris@example.com;Борис Ёлкин;Казань
"""


def start(workspace: Workspace, by: User, text: str | bytes, **over: Any) -> Import:
    data = text if isinstance(text, bytes) else text.encode()
    return start_import(
        workspace,
        by=by,
        stream=io.BytesIO(data),
        file_name="people.csv",
        size=len(data),
        **over,
    )


def work(import_: Import) -> Import:
    """Do all that is to be done now."""
    while run_turn(import_.pk):
        pass
    import_.refresh_from_db()
    return import_


def check(
    workspace: Workspace,
    by: User,
    text: str | bytes,
    *lists: RecipientList,
    **over: Any,
) -> Import:
    import_ = start(workspace, by, text)
    columns = over.pop("columns", import_.columns)
    check_import(import_, by=by, columns=columns, lists=lists, **over)
    return work(import_)


def bring_in(
    workspace: Workspace,
    by: User,
    text: str | bytes = TABLE,
    *lists: RecipientList,
    **over: Any,
) -> Import:
    import_ = check(workspace, by, text, *lists, **over)
    apply_import(import_, by=by)
    return work(import_)
