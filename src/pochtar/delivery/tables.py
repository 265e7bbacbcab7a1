"""SQL by hand, for the few statements that every letter costs: names, types, values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Field, Model

# Neither is text to a database: PostgreSQL refuses NUL, UTF-8 knows no lone surrogates.
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_SURROGATES = re.compile("[\ud800-\udfff]")


class Statement(NamedTuple):
    sql: str
    parameters: Sequence[Any]


# Names ---------------------------------------------------------------------------------
def table_of(model: type[Model]) -> str:
    return connection.ops.quote_name(str(model._meta.db_table))


def column_of(model: type[Model], name: str) -> str:
    return connection.ops.quote_name(str(_field(model, name).column))


def columns_of(model: type[Model], *names: str) -> str:
    return ", ".join(column_of(model, name) for name in names)


def type_of(model: type[Model], name: str) -> str:
    return str(_field(model, name).db_type(connection))


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    return field


# Values --------------------------------------------------------------------------------
def database_value(model: type[Model], name: str, value: object) -> Any:
    """Return the value as the driver wants it for that column."""
    return _field(model, name).get_db_prep_value(value, connection)


def storable(text: str) -> str:
    """Return the text with a replacement character for what no database can hold."""
    return _NO_TEXT.sub("\ufffd", text)


def storable_all(texts: Sequence[str]) -> Sequence[str]:
    """Return the texts, each as above; looking at all of them at once is cheap."""
    if not _NO_TEXT.search("".join(texts)):
        return texts
    return list(map(storable, texts))


def array_of(values: Iterable[object]) -> str:
    """Return numbers and truth values as one literal for PostgreSQL."""
    return f"{{{','.join(map(str, values))}}}".replace("None", "NULL")


def text_array_of(texts: Sequence[str]) -> str:
    """Return texts as one literal for PostgreSQL; whatever is in them comes out again."""
    joined = "\0".join(texts)
    if joined.count("\0") >= len(texts) or _SURROGATES.search(joined):
        joined = "\0".join(map(storable, texts))
    # All at once: escaping one by one is what costs.
    escaped = joined.replace("\\", "\\\\").replace('"', '\\"').replace("\0", '","')
    return f'{{"{escaped}"}}'
