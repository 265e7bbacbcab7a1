"""Columns of our own kinds."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from pochtar.base.addresshash import hash_address


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


class AddressHashField(models.UUIDField[Any, Any]):
    """The hash of the row's ``email_key``, written with it (see addresshash.py)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "editable": False})

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = hash_address(getattr(model_instance, "email_key"))  # noqa: B009
        setattr(model_instance, self.attname, value)
        return value
