"""A recipient's text as an expression that both databases compare by code points."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, Func, TextField
from django.db.models.fields.json import compile_json_path  # type: ignore[attr-defined]
from django.db.models.sql.compiler import SQLCompiler


class PlainText(Func):
    """A text without its locale: PostgreSQL then compares bytes, as SQLite does."""

    arity = 1
    template = "%(expressions)s"
    output_field = TextField()

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> Any:
        template = '(%(expressions)s COLLATE "C")'
        return self.as_sql(compiler, connection, template=template, **context)


class AttributeText(Func):
    """The text of one attribute, "" where there is none: never NULL."""

    arity = 1
    output_field = TextField()

    def __init__(self, attributes: Expression | Any, key: str) -> None:
        super().__init__(attributes)
        self.key = key

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, list[Any]]:
        sql, parameters = compiler.compile(self.source_expressions[0])
        path = str(compile_json_path([self.key]))
        text = f"COALESCE(CAST(JSON_EXTRACT({sql}, %s) AS TEXT), '')"
        return text, [*parameters, path]

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, list[Any]]:
        sql, parameters = compiler.compile(self.source_expressions[0])
        text = f"(COALESCE({sql} ->> %s, '') COLLATE \"C\")"
        return text, [*parameters, self.key]

    @property
    def identity(self) -> Any:
        return (*super().identity, self.key)
