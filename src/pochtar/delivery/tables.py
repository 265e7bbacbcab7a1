"""Names and values of our tables, for the few statements that are written by hand."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Field, Model


def table_of(model: type[Model]) -> str:
    return connection.ops.quote_name(str(model._meta.db_table))


def column_of(model: type[Model], name: str) -> str:
    return connection.ops.quote_name(str(_field(model, name).column))


def columns_of(model: type[Model], *names: str) -> str:
    return ", ".join(column_of(model, name) for name in names)


def database_value(model: type[Model], name: str, value: object) -> Any:
    """Return the value as the driver wants it for that column."""
    return _field(model, name).get_db_prep_value(value, connection)


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    return field
