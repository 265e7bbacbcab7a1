"""Keep a spreadsheet from running what is only text (SEC-12)."""

from __future__ import annotations


def escape_cell(text: str) -> str:
    """Return the text with an apostrophe before it if a spreadsheet might run it."""
    raise NotImplementedError


def unescape_cell(text: str) -> str:
    """Return what `escape_cell` was given."""
    raise NotImplementedError
