"""The errors that people cause, each with a code that an edge can translate.

PochtarError
├── NotAllowed          the role does not reach that far
├── Conflict            the state has moved on, or another row is in the way
└── InvalidInput        a field's value cannot be taken; carries the field's name

Failures of peers (mail servers) are values, not exceptions; bugs are left to crash.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise

Text = str | Promise


class PochtarError(Exception):
    """Something a person can mend.

    ``code`` is stable (tests and the API rely on it), ``text`` is for the reader,
    ``details`` holds what a page needs to help further (an id to link to, a count).
    """

    def __init__(
        self,
        code: str,
        text: Text,
        *,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.text = text
        self.details = dict(details or {})

    def __str__(self) -> str:
        return str(self.text)


class NotAllowed(PochtarError):
    """The person's role in the workspace does not reach that far."""


class Conflict(PochtarError):
    """The state has moved on, or another row is in the way."""


class InvalidInput(PochtarError):
    """A field's value cannot be taken; ``field`` names the field, "" the whole form."""

    def __init__(
        self,
        code: str,
        text: Text,
        *,
        field: str = "",
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(code, text, details=details)
        self.field = field
