"""Search the whole database for a text: every column of every table there is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.db import connection

from pochtar.sandbox.letters import read_letter


def find_everywhere(*needles: str) -> list[str]:
    """Return where the texts stand, as "table.column: text"; case does not matter."""
    wanted = [needle.casefold() for needle in needles]
    return [
        f"{where}: {needle}"
        for where, text in _texts()
        for needle in wanted
        if needle in text.casefold()
    ]


def _texts() -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    for text in _readings(value):
                        yield f"{table}.{name}", text


def _readings(value: Any) -> Iterator[str]:
    """Yield the value as it stands, and as what it may be: JSON, a letter."""
    if isinstance(value, (bytes, memoryview)):
        raw = bytes(value)
        yield raw.decode("utf-8", "replace")
        letter = read_letter(raw)
        yield from (letter.html, letter.text, *(h.value for h in letter.headers))
    elif isinstance(value, (dict, list)):
        yield json.dumps(value, ensure_ascii=False)
    elif isinstance(value, str):
        yield value
        if value[:1] in {"{", "[", '"'}:
            yield _from_json(value)


def _from_json(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return ""
