"""Columns of our own kinds."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class KeyField(models.CharField[str, str]):
    """Text that is looked up and put in order by its code points.

    SQLite compares so anyway.  PostgreSQL does with the collation "C", and only then
    can an ordinary index find what begins with a text, whatever the cluster's locale.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        parameters: dict[str, Any] = {**super().db_parameters(connection)}
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters
